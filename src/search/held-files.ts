import type { LocalObjects, Pin } from "../shard/index.ts";

/** Where files are kept from being removed while they are open. */
export type FileKeeper = Pick<LocalObjects, "hold">;

/** What a leaf says of the local files that it has open. */
export interface FileNotice {
  readonly path: string;
  readonly open: boolean;
}

/** The local files that one leaf has open: each is held until the leaf says that it closed it. */
export class HeldFiles {
  readonly #keeper: FileKeeper;
  readonly #letGo: (path: string) => void;
  readonly #pins = new Map<string, Pin>();

  /** `letGo` asks the leaf to close a file. */
  constructor(keeper: FileKeeper, letGo: (path: string) => void) {
    this.#keeper = keeper;
    this.#letGo = letGo;
  }

  note({ path, open }: FileNotice): void {
    this.#pins.get(path)?.release();
    this.#pins.delete(path);
    const pin = open ? this.#keeper.hold(path, () => this.#letGo(path)) : undefined;
    if (pin !== undefined) this.#pins.set(path, pin);
  }

  /** For a leaf that has ended. */
  releaseAll(): void {
    for (const pin of this.#pins.values()) pin.release();
    this.#pins.clear();
  }
}
