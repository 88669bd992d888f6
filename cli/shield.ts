/**
 * Lets keys and values begin with a dash. yargs gives no command what follows `--`, and reads a lone `-` as an option without a value; so such
 * words wear a shield while it looks at them.
 */
import type { Arguments } from 'yargs'

/** No word of a command line holds one. */
const SHIELD = '\0'

export function shield(words: readonly string[]): string[] {
  const end = words.indexOf('--')
  const [before, after] = end < 0 ? [words, []] : [words.slice(0, end), words.slice(end + 1)]
  const shielded = (word: string) => `${SHIELD}${word}`
  return [
    ...before.map((word) => (word === '-' ? shielded(word) : word)),
    ...after.map((word) => (word.startsWith('-') ? shielded(word) : word)),
  ]
}

/** Before yargs validates what it has read. */
export function unshield(argv: Arguments): void {
  for (const [name, value] of Object.entries(argv)) {
    if (typeof value === 'string') argv[name] = withoutShield(value)
    else if (Array.isArray(value))
      argv[name] = value.map((item) => (typeof item === 'string' ? withoutShield(item) : item))
  }
}

const withoutShield = (text: string) => (text.startsWith(SHIELD) ? text.slice(SHIELD.length) : text)
