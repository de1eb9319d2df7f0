/** Colder classes of storage, by S3's names. Objects of the last two must be restored before they can be read. */
export const archiveClasses = ["STANDARD_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"] as const;
export type ArchiveClass = (typeof archiveClasses)[number];

/** How fast a restored copy is wanted: in minutes, hours, or half a day; prices differ by as much. */
export const restoreSpeeds = ["expedited", "standard", "bulk"] as const;
export type RestoreSpeed = (typeof restoreSpeeds)[number];
