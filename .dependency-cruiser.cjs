/**
 * The arrows between rooms: which room may import which. A room is entered by its door (index.ts) only.
 * Change this file together with docs/architecture.md, or not at all.
 */
const arrows = {
  base: [],
  telemetry: ["base"],
  store: ["base"],
  embedding: ["base"],
  manifest: ["base", "store"],
  text: [],
  shard: ["base", "store", "text"],
  ingest: ["base", "store", "manifest", "shard"],
  selection: ["base", "manifest", "shard"],
  sql: ["base", "shard"],
  ranking: [],
  search: ["base", "telemetry", "store", "manifest", "shard", "text", "ingest", "selection"],
  formats: ["base"],
  keys: ["base", "store"],
  inbox: ["base", "store", "formats"],
  lifecycle: ["base", "store", "manifest", "shard", "ingest", "ranking"],
  engine: [
    "base",
    "telemetry",
    "store",
    "embedding",
    "manifest",
    "shard",
    "text",
    "ingest",
    "selection",
    "sql",
    "ranking",
    "search",
    "lifecycle",
    "keys",
    "inbox",
  ],
  http: ["base", "telemetry", "engine", "formats"],
  cli: ["base", "store", "engine", "http", "formats"],
};

const room = (name) => `^src/${name}/`;
const forbidden = Object.entries(arrows).flatMap(([from, to]) => [
  {
    name: `${from}-arrows`,
    comment: `src/${from} may import only: ${to.join(", ") || "nothing"}.`,
    severity: "error",
    from: { path: room(from) },
    to: { path: "^src/", pathNot: [room(from), ...to.map(room)] },
  },
]);

module.exports = {
  forbidden: [
    ...forbidden,
    {
      name: "by-the-door",
      comment: "Another room is entered by its index.ts (or, for a worker's entry, by nothing at all).",
      severity: "error",
      from: { path: "^src/([^/]+)/" },
      to: { path: "^src/([^/]+)/.+", pathNot: ["^src/$1/", "^src/[^/]+/index\\.ts$"] },
    },
    {
      name: "src-stands-alone",
      comment: "Compositions are made of rooms, not the other way round.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(functions|infra|test|bench)/" },
    },
    {
      name: "functions-by-the-door",
      comment: "A function is put together of what rooms offer. Only its build knows what is deployed.",
      severity: "error",
      from: { path: "^functions/" },
      to: { path: "^(src/[^/]+/.+|infra/.+)", pathNot: ["^src/[^/]+/index\\.ts$", "^infra/table\\.ts$"] },
    },
    {
      name: "handlers-know-no-table",
      severity: "error",
      from: { path: "^functions/", pathNot: "^functions/build/" },
      to: { path: "^(infra|functions/build)/" },
    },
    {
      name: "table-stands-alone",
      comment: "The table of functions is read by the deployment and by the local cloud, and knows neither.",
      severity: "error",
      from: { path: "^infra/(table|options)\\.ts$" },
      to: { pathNot: "^infra/table\\.ts$" },
    },
    {
      name: "deployment-knows-no-code",
      comment: "What is deployed is the packages; the product's code has no part in making the resources.",
      severity: "error",
      from: { path: "^infra/[^/]+\\.ts$" },
      to: { path: "^(src|functions|test|bench)/|^infra/local/" },
    },
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-orphan-room",
      severity: "error",
      from: { path: "^src/([^/]+)/", pathNot: Object.keys(arrows).map(room) },
      to: {},
    },
    {
      name: "aws-stays-in-store",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/store/" },
      to: { path: "node_modules/@aws-sdk" },
    },
    {
      name: "sqlite-stays-in-its-rooms",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(shard|store|sql)/" },
      to: { path: "node_modules/(better-sqlite3|sqlite-vec)" },
    },
    {
      name: "no-dev-dependency",
      severity: "error",
      from: { path: "^(src|functions)/", pathNot: "^(src/cli/build\\.ts$|functions/build/)" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(src/shard/kernel/assembly|\\.sst)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".js", ".mjs", ".cjs", ".json"],
    },
  },
};
