import type { HistoryHeader, KvInput, ModelName, RegisterInput, ZnodeInput } from '../operations.ts'
import { Fields } from './fields.ts'
import { type History, HistoryError, type Line, quote } from './history.ts'
import { keyValueInput, keyValueOutput } from './key-value-fields.ts'
import { type Answer, Pairing } from './pairing.ts'
import { registerInput, registerOutput } from './register-fields.ts'
import { znodeInput, znodeOutput } from './znode-fields.ts'

export const MODEL_NAMES: readonly ModelName[] = ['register', 'key-value', 'transactions', 'znodes']

export const isNdjson = (line: string): boolean => /^\s*\{\s*("|\})/.test(line)

/** Our own format: a header, then one JSON object for each call and each answer. */
export function readNdjson(lines: readonly Line[]): History {
  const [first, ...rest] = lines
  if (first === undefined) throw new HistoryError({ line: 1 }, 'nothing is there')
  const header = headerOf(new Fields(first.number, parsed(first)))
  const pairing = new Pairing('op')
  let isTruncated = false
  for (const line of rest) {
    let json: unknown
    try {
      json = parsed(line)
    } catch (error) {
      if (!line.isUnfinished) throw error
      isTruncated = true
      continue
    }
    onEvent(pairing, new Fields(line.number, json), header.model)
  }
  return {
    format: 'catenary',
    model: header.model,
    initial: header.initial ?? null,
    operations: pairing.operations(),
    about: header.about ?? {},
    isTruncated,
  }
}

function parsed(line: Line): unknown {
  try {
    return JSON.parse(line.text)
  } catch {
    throw new HistoryError({ line: line.number }, `no JSON: ${quote(line.text)}`)
  }
}

function headerOf(fields: Fields): HistoryHeader {
  if (!fields.has('format')) throw fields.error('format', 'the first line must be a header')
  const format = fields.oneOf('format', ['catenary-history'])
  if (fields.whole('version', 1) !== 1)
    throw fields.error('version', `${fields.number('version')} is not known here, only 1`)
  const model = fields.oneOf('model', MODEL_NAMES)
  const initial = fields.has('initial') ? { initial: fields.textOrNull('initial') } : {}
  const about: Record<string, string | number> = {}
  if (fields.has('about'))
    for (const [name, value] of fields.object('about').entries())
      about[name] = typeof value === 'number' ? value : String(value)
  return { format, version: 1, model, ...initial, about }
}

function onEvent(pairing: Pairing, fields: Fields, model: ModelName): void {
  const type = fields.oneOf('type', ['invoke', 'ok', 'fail', 'info'])
  const op = fields.whole('op', 0)
  const time = fields.number('time')
  if (type === 'invoke') {
    const input = inputOf(fields.object('input'), model)
    pairing.invoke(fields.line, op, { id: op, process: fields.text('process'), input, call: time }, true)
    return
  }
  const { input } = pairing.invocationOf(fields.line, op)
  const answer: Answer =
    type === 'ok' ? { type, output: outputOf(fields.object('output'), model, input) } : { type }
  pairing.answer(fields.line, op, time, answer)
}

function inputOf(fields: Fields, model: ModelName): unknown {
  switch (model) {
    case 'register':
      return registerInput(fields)
    case 'key-value':
    case 'transactions':
      return keyValueInput(fields, model === 'transactions')
    case 'znodes':
      return znodeInput(fields)
  }
}

function outputOf(fields: Fields, model: ModelName, input: unknown): unknown {
  switch (model) {
    case 'register':
      return registerOutput(fields, input as RegisterInput)
    case 'key-value':
    case 'transactions':
      return keyValueOutput(fields, input as KvInput)
    case 'znodes':
      return znodeOutput(fields, input as ZnodeInput)
  }
}
