/** Patterns of KEYS, SCAN, CONFIG GET and the like: `*`, `?`, `[a-z]`, `[^a]`, and `\` before what is meant as it is. */

/** Whether all of the text matches. Its cost is at most the product of both lengths. */
export function matchesGlob(pattern: string, text: string): boolean {
  let [p, t] = [0, 0]
  // Where to go on after a mismatch: behind the last star, one character later.
  let [star, mark] = [-1, 0]
  for (;;) {
    if (pattern[p] === '*') {
      star = p++
      mark = t
      continue
    }
    if (t === text.length && p >= pattern.length) return true
    const next = t < text.length ? matchOne(pattern, p, text.charCodeAt(t)) : -1
    if (next >= 0) {
      p = next
      t++
    } else if (star >= 0 && mark < text.length) {
      p = star + 1
      t = ++mark
    } else return false
  }
}

/** Place in the pattern behind what matched this character; -1: it does not. */
function matchOne(pattern: string, at: number, code: number): number {
  const c = pattern[at]
  if (c === undefined) return -1
  if (c === '?') return at + 1
  if (c === '[') return matchClass(pattern, at + 1, code)
  const literal = c === '\\' && at + 1 < pattern.length ? at + 1 : at
  return pattern.charCodeAt(literal) === code ? literal + 1 : -1
}

function matchClass(pattern: string, start: number, code: number): number {
  let at = start
  const negated = pattern[at] === '^'
  if (negated) at++
  let found = false
  for (; at < pattern.length && pattern[at] !== ']'; at++) {
    if (pattern[at] === '\\' && at + 1 < pattern.length) {
      at++
      if (pattern.charCodeAt(at) === code) found = true
    } else if (pattern[at + 1] === '-' && at + 2 < pattern.length) {
      const [a, b] = [pattern.charCodeAt(at), pattern.charCodeAt(at + 2)]
      if (code >= Math.min(a, b) && code <= Math.max(a, b)) found = true
      at += 2
    } else if (pattern.charCodeAt(at) === code) found = true
  }
  return found === negated ? -1 : Math.min(at + 1, pattern.length)
}

/** What every match begins with. */
export function prefixOf(pattern: string): string {
  const special = pattern.search(/[*?[\\]/)
  return special < 0 ? pattern : pattern.slice(0, special)
}
