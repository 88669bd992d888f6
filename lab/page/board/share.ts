/**
 * `next`, with every part that equals the same part of `before` replaced by it: views that follow one another share what did not change, so that a
 * comparison by identity tells what must be drawn again. For plain data only.
 */
export function shared<Value>(before: Value | null | undefined, next: Value): Value {
  if (Object.is(before, next)) return next
  if (typeof before !== 'object' || before === null || typeof next !== 'object' || next === null) return next
  return (Array.isArray(next) ? sharedArray(before, next) : sharedRecord(before, next)) as Value
}

function sharedArray(before: unknown, next: readonly unknown[]): unknown {
  if (!Array.isArray(before)) return next
  let same = before.length === next.length
  const parts = next.map((part, i) => {
    const one = shared(before[i], part)
    if (one !== before[i]) same = false
    return one
  })
  return same ? before : parts
}

function sharedRecord(before: object, next: object): unknown {
  if (Array.isArray(before)) return next
  const old = before as Record<string, unknown>
  const parts: Record<string, unknown> = {}
  let same = Object.keys(old).length === Object.keys(next).length
  for (const [name, part] of Object.entries(next)) {
    const one = shared(old[name], part)
    parts[name] = one
    if (one !== old[name]) same = false
  }
  return same ? before : parts
}
