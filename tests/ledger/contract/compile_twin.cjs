// Prints ABI and creation code of twin.sol as JSON: solc and OpenZeppelin from the folder that this runs in.
const fs = require("fs");
const solc = require("solc");

const input = {
  language: "Solidity",
  sources: { "twin.sol": { content: fs.readFileSync("twin.sol", "utf8") } },
  settings: {
    evmVersion: "prague",
    viaIR: true,
    optimizer: { enabled: true, runs: 1 },
    outputSelection: { "twin.sol": { Twin: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
  },
};
const find = (path) => ({ contents: fs.readFileSync(`node_modules/${path}`, "utf8") });
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: find }));
const errors = (output.errors || []).filter((one) => one.severity === "error");
if (errors.length > 0) {
  console.error(errors.map((one) => one.formattedMessage).join("\n"));
  process.exit(1);
}
const twin = output.contracts["twin.sol"].Twin;
console.log(JSON.stringify({ abi: twin.abi, bytecode: twin.evm.bytecode.object, size: twin.evm.deployedBytecode.object.length / 2 }));
