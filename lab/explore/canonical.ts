/** How some property is written down: not at all, or as what this makes of it. */
export type PropertyRule = 'skip' | ((value: unknown) => unknown)

export interface CanonicalRules {
  /** By name, wherever in the value it occurs. */
  readonly properties: Readonly<Record<string, PropertyRule>>
  /** Gives the content of an object that keeps its state private; `undefined` for all others. */
  readonly open: (value: object) => unknown
}

/**
 * Writes a state as text: two states with the same text behave the same for ever after. Every property counts unless a
 * rule names it, so that a new field of a core is never overlooked; an object of a class that no rule opens is an error
 * for the same reason.
 *
 * @throws {TypeError} an object whose content cannot be seen.
 */
export function canonicalText(value: unknown, rules: CanonicalRules): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (value === undefined) return '?'
  if (typeof value !== 'object') throw new TypeError(`a ${typeof value} is no state`)
  if (Array.isArray(value)) return `[${value.map((part) => canonicalText(part, rules)).join()}]`
  if (value instanceof Uint8Array) return `<${value.join(' ')}>`
  if (value instanceof Map) {
    // In the order of insertion: cores iterate in it.
    const pairs = [...value].map(
      ([key, part]) => `${canonicalText(key, rules)}>${canonicalText(part, rules)}`,
    )
    return `m(${pairs.join()})`
  }
  if (value instanceof Set) return `s(${[...value].map((part) => canonicalText(part, rules)).join()})`
  const opened = rules.open(value)
  if (opened !== undefined) return canonicalText(opened, rules)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError(`no rule opens a ${value.constructor.name}`)
  return objectText(value, rules)
}

function objectText(value: object, rules: CanonicalRules): string {
  let text = '{'
  for (const [name, part] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const rule = Object.hasOwn(rules.properties, name) ? rules.properties[name] : undefined
    if (rule === 'skip') continue
    text += `${name}:${canonicalText(rule === undefined ? part : rule(part), rules)},`
  }
  return `${text}}`
}

const PLAIN: CanonicalRules = { properties: {}, open: () => undefined }

/** Plain data, as it is. */
export const plainText = (value: unknown): string => canonicalText(value, PLAIN)

/** Freezes data and all that is in it: it is shared by every state in which it occurs. Bytes cannot be frozen. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || Object.isFrozen(value))
    return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  return value
}
