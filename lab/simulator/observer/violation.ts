import { INVARIANTS, type InvariantName, InvariantViolation } from '../../../protocol/invariants.ts'

/** A promise that was broken, as seen by somebody who sees all nodes. It ends the run: nobody catches it but the runner. */
export class Violation extends InvariantViolation {
  /** The process, and where it matters the chain, that was seen breaking it. */
  readonly who: string
  readonly words: string

  constructor(invariant: InvariantName, who: string, words: string) {
    super(invariant, `${INVARIANTS[invariant]}: ${who}: ${words}`)
    this.name = 'Violation'
    this.who = who
    this.words = words
  }
}

/** As `invariant` in protocol/invariants.ts: `words` is a thunk, because a check that holds must cost no string building. */
export function must(
  invariant: InvariantName,
  holds: boolean,
  who: string,
  words: () => string,
): asserts holds {
  if (!holds) throw new Violation(invariant, who, words())
}
