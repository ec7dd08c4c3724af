// Runs every audit of npm's graphql-http against the address given, and prints what passed.
// An audit's name begins with MUST, SHOULD or MAY, the words of the specification.

import { serverAudits } from "graphql-http";

const url = process.argv[2];
const words = ["MUST", "SHOULD", "MAY"];
const passed = Object.fromEntries(words.map((word) => [word, 0]));
const all = Object.fromEntries(words.map((word) => [word, 0]));
const failures = [];

for (const audit of serverAudits({ url, fetchFn: fetch })) {
  const word = words.find((each) => audit.name.startsWith(each));
  if (word === undefined) {
    throw new Error(`an audit of no known kind: ${audit.name}`);
  }
  all[word] += 1;
  const result = await audit.fn();
  if (result.status === "ok") {
    passed[word] += 1;
  } else {
    failures.push(`${audit.id} ${audit.name}: ${result.reason}`);
  }
}

for (const failure of failures) {
  console.log(failure);
}
console.log(words.map((word) => `${word} ${passed[word]}/${all[word]}`).join(", "));
process.exitCode = failures.length > 0 ? 1 : 0;
