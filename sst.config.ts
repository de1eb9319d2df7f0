/// <reference path="./.sst/platform/config.d.ts" />

/** `npx sst deploy --stage production`: see docs/deployment/aws.md. What is deployed stands in infra/table.ts. */
export default $config({
  async app({ stage }) {
    const { appOf, optionsFrom } = await import("./infra/options.ts");
    return appOf(optionsFrom(stage, process.env));
  },
  async run() {
    const { optionsFrom } = await import("./infra/options.ts");
    const { deploy } = await import("./infra/index.ts");
    return deploy(optionsFrom($app.stage, process.env));
  },
});
