import { HistoryError, quote } from './history.ts'

type Json = Readonly<Record<string, unknown>>

/** Fields of one JSON object of one line. Whatever is missing or of the wrong type is a HistoryError that names line and field. */
export class Fields {
  readonly line: number
  readonly #object: Json
  readonly #path: string

  constructor(line: number, value: unknown, path = '') {
    this.line = line
    this.#path = path
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.error(null, `${shown(value)} is no object`)
    this.#object = value as Json
  }

  has(name: string): boolean {
    return this.#object[name] !== undefined
  }

  isNull(name: string): boolean {
    return this.#object[name] === null
  }

  text(name: string): string {
    const value = this.#need(name)
    return typeof value === 'string' ? value : this.#wrong(name, value, 'a string')
  }

  textOrNull(name: string): string | null {
    return this.isNull(name) ? null : this.text(name)
  }

  number(name: string): number {
    const value = this.#need(name)
    return typeof value === 'number' && Number.isFinite(value) ? value : this.#wrong(name, value, 'a number')
  }

  whole(name: string, min: number): number {
    const value = this.#need(name)
    const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= min
    return fits
      ? value
      : this.#wrong(name, value, `a whole number${min > -Infinity ? ` from ${min} on` : ''}`)
  }

  textOrNumber(name: string): string | number {
    const value = this.#need(name)
    return typeof value === 'string' ? value : this.number(name)
  }

  bool(name: string): boolean {
    const value = this.#need(name)
    return typeof value === 'boolean' ? value : this.#wrong(name, value, 'true or false')
  }

  oneOf<Word extends string>(name: string, words: readonly Word[]): Word {
    const value = this.#need(name)
    const word = words.find((each) => each === value)
    return word ?? this.#wrong(name, value, `one of ${words.join(', ')}`)
  }

  object(name: string): Fields {
    return new Fields(this.line, this.#need(name), this.#pathTo(name))
  }

  list<Item>(name: string, item: (fields: Fields, name: string) => Item): readonly Item[] {
    const value = this.#need(name)
    if (!Array.isArray(value)) return this.#wrong(name, value, 'a list')
    const items = new Fields(this.line, { ...value }, this.#pathTo(name))
    return value.map((_, i) => item(items, String(i)))
  }

  /** Any JSON, as it is. */
  entries(): readonly (readonly [string, unknown])[] {
    return Object.entries(this.#object)
  }

  error(name: string | null, what: string): HistoryError {
    const field = name === null ? this.#path : this.#pathTo(name)
    return new HistoryError(field === '' ? { line: this.line } : { line: this.line, field }, what)
  }

  #need(name: string): unknown {
    const value = this.#object[name]
    if (value === undefined) throw this.error(name, 'is missing')
    return value
  }

  #wrong(name: string, value: unknown, what: string): never {
    throw this.error(name, `${shown(value)} is not ${what}`)
  }

  #pathTo(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? quote(text) : text
}
