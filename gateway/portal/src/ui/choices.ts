/** The change of a list of choices that takes one in or, where it is there, out again. */
export function toggled<Choice>(choice: Choice): (before: readonly Choice[]) => Choice[] {
  return (before) =>
    before.includes(choice) ? before.filter((one) => one !== choice) : [...before, choice]
}
