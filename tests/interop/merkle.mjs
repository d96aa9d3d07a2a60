// OpenZeppelin's own tree over what a batch holds: the root it makes, and what it says of proofs that we made.
import { readFileSync } from "node:fs";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";

const asked = JSON.parse(readFileSync(0, "utf8"));
const tree = StandardMerkleTree.of(asked.values.map((value) => [value]), ["bytes32"]);
const verdict = ({ root, value, proof }) => {
  try {
    return StandardMerkleTree.verify(root, ["bytes32"], [value], proof);
  } catch (error) {
    return false;
  }
};
process.stdout.write(JSON.stringify({ root: tree.root, verdicts: asked.proofs.map(verdict), proofs: asked.values.map((value) => tree.getProof([value])) }));
