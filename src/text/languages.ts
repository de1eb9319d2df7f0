/** Languages whose words are brought to their stems, by the names of the Snowball algorithms and by ISO 639-1. */
const codes: Readonly<Record<string, string>> = {
  arabic: "ar",
  armenian: "hy",
  basque: "eu",
  catalan: "ca",
  czech: "cs",
  danish: "da",
  dutch: "nl",
  english: "en",
  finnish: "fi",
  french: "fr",
  german: "de",
  hungarian: "hu",
  irish: "ga",
  italian: "it",
  norwegian: "no",
  portuguese: "pt",
  romanian: "ro",
  russian: "ru",
  slovene: "sl",
  spanish: "es",
  swedish: "sv",
  tamil: "ta",
  turkish: "tr",
};

export const defaultLanguage = "english";

const byWord = new Map(Object.entries(codes).flatMap(([name, code]) => [[name, name] as const, [code, name] as const]));

/** What a collection's `language` may be. `none`: words stay as they are, but for case and diacritics. */
export const languageNames: readonly string[] = [...Object.keys(codes), "none"];

export const isLanguage = (word: string): boolean => word === "none" || byWord.has(word.toLowerCase());

/** The algorithm of a language; undefined where words are not stemmed. */
export const algorithmOf = (language: string): string | undefined => byWord.get(language.toLowerCase());
