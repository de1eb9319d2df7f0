/**
 * engine: Mosaic as one object.
 * Answers: documents, collections and searches of every tenant; checks what comes in, shapes what goes out.
 * Owns: the composition of rooms in this process, the open collections.
 * Never: speaks HTTP, parses a command line.
 */

export { settingsFrom } from "../base/index.ts";
export type * from "./api.ts";
export { type LocalMachinery, localMachinery, type Machinery, type MachinerySurroundings } from "./machinery.ts";
export type { MaintainOptions, MaintenanceReport } from "./maintenance.ts";
export { Mosaic, type OpenOptions } from "./mosaic.ts";
