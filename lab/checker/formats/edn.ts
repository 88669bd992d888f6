import type { KvInput, KvOutput } from '../operations.ts'
import { type History, HistoryError, type Line, quote } from './history.ts'
import { type Answer, Pairing } from './pairing.ts'

/** `{:process 0, :type :invoke, :f :append, :key "0", :value "x"}`: keywords without their colon, strings marked as such. */
type Field = { readonly kind: 'keyword' | 'text' | 'number' | 'nil'; readonly value: string }
type Fields = ReadonlyMap<string, Field>

const TOKEN = /[\s,]*(?::([\w-]+)|"((?:[^"\\]|\\.)*)"|(-?\d+)(?![\w.])|(nil)\b)/y

export const isEdn = (line: string): boolean => /^\{\s*:/.test(line)

/** Many registers, "" at first: get, put and append, as key-value stores record them. The number of the line stands for the time. */
export function readEdn(lines: readonly Line[]): History {
  const pairing = new Pairing('process')
  let isTruncated = false
  for (const line of lines) {
    const fields = fieldsOf(line.text)
    if (fields === null) {
      if (!line.isUnfinished)
        throw new HistoryError({ line: line.number }, `not a map of keywords: ${quote(line.text)}`)
      isTruncated = true
      continue
    }
    onLine(pairing, line.number, fields)
  }
  return {
    format: 'edn',
    model: 'key-value',
    initial: '',
    operations: pairing.operations(),
    about: {},
    isTruncated,
  }
}

function onLine(pairing: Pairing, line: number, fields: Fields): void {
  const who = need(line, fields, 'process', ['number']).value
  const type = need(line, fields, 'type', ['keyword']).value
  const f = need(line, fields, 'f', ['keyword']).value
  const key = need(line, fields, 'key', ['text', 'number', 'keyword']).value
  if (type === 'invoke') {
    const input = inputOf(line, fields, f, key)
    pairing.invoke(line, who, { id: pairing.count, process: who, input, call: line }, false)
    return
  }
  const input = pairing.invocationOf(line, who).input as KvInput
  if (f !== input.f)
    throw new HistoryError(
      { line, field: 'f' },
      `an answer to ${quote(f)}, but the process called ${quote(input.f)}`,
    )
  if ('key' in input && key !== input.key)
    throw new HistoryError(
      { line, field: 'key' },
      `${quote(key)}, but the process called ${quote(input.key)}`,
    )
  pairing.answer(line, who, line, answerOf(line, fields, type, f))
}

function inputOf(line: number, fields: Fields, f: string, key: string): KvInput {
  switch (f) {
    case 'get':
      return { f, key }
    case 'put':
    case 'append':
      return { f, key, value: need(line, fields, 'value', ['text', 'number']).value }
    default:
      throw new HistoryError({ line, field: 'f' }, `${quote(f)} is none of get, put, append`)
  }
}

function answerOf(line: number, fields: Fields, type: string, f: string): Answer {
  switch (type) {
    case 'ok': {
      if (f !== 'get') return { type: 'ok', output: {} satisfies KvOutput }
      const { kind, value } = need(line, fields, 'value', ['text', 'number', 'nil'])
      return { type: 'ok', output: { found: kind === 'nil' ? null : { value } } satisfies KvOutput }
    }
    case 'fail':
    case 'info':
      return { type }
    default:
      throw new HistoryError({ line, field: 'type' }, `${quote(type)} is none of invoke, ok, fail, info`)
  }
}

function need(line: number, fields: Fields, name: string, kinds: readonly Field['kind'][]): Field {
  const field = fields.get(name)
  if (field === undefined) throw new HistoryError({ line, field: name }, 'is missing')
  if (kinds.includes(field.kind)) return field
  throw new HistoryError(
    { line, field: name },
    `${quote(field.value)} is a ${field.kind}; it must be a ${kinds.join(' or a ')}`,
  )
}

/** Null: not a map of this shape. */
function fieldsOf(text: string): Fields | null {
  const body = /^\{(.*)\}\s*$/.exec(text)?.[1]
  if (body === undefined) return null
  const tokens: Field[] = []
  TOKEN.lastIndex = 0
  let end = 0
  for (let match = TOKEN.exec(body); match !== null; match = TOKEN.exec(body)) {
    const [, keyword, string, number] = match
    if (keyword !== undefined) tokens.push({ kind: 'keyword', value: keyword })
    else if (string !== undefined) tokens.push({ kind: 'text', value: unescaped(string) })
    else if (number !== undefined) tokens.push({ kind: 'number', value: number })
    else tokens.push({ kind: 'nil', value: 'nil' })
    end = TOKEN.lastIndex
  }
  if (body.slice(end).trim() !== '' || tokens.length % 2 !== 0) return null
  const fields = new Map<string, Field>()
  for (let i = 0; i < tokens.length; i += 2) {
    const [name, value] = [tokens[i], tokens[i + 1]]
    if (name?.kind !== 'keyword' || value === undefined) return null
    fields.set(name.value, value)
  }
  return fields
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' }
const unescaped = (text: string): string => text.replace(/\\(.)/g, (_, char: string) => ESCAPES[char] ?? char)
