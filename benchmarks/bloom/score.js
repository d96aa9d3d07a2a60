// Scores activities.json with @tmrow/bloom-contrib as its own README does: the first model that can run an activity, runs it.
const fs = require("fs");
const models = require("@tmrow/bloom-contrib/co2eq").default;

const activities = JSON.parse(fs.readFileSync("activities.json", "utf8")).map((one) => ({ ...one, datetime: new Date(one.datetime) }));
const score = () => {
  let kilograms = 0;
  let scored = 0;
  for (const activity of activities) {
    const model = models.find((one) => one.modelCanRun(activity));
    if (model) {
      kilograms += model.carbonEmissions(activity);
      scored += 1;
    }
  }
  return { kilograms, scored };
};
score(); // the compiler has seen it once
const began = process.hrtime.bigint();
const found = score();
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
console.log(JSON.stringify({ ...found, seconds, node: process.version }));
