import type { KvExpect, KvInput, KvOutput, KvVersioned } from '../operations.ts'
import type { Fields } from './fields.ts'

const ONE_KEY = ['get', 'put', 'append', 'delete', 'increment', 'cas'] as const
const SEVERAL_KEYS = ['multi-get', 'txn'] as const

/** @param severalKeys - whether operations on several keys may occur: only where keys are not judged one by one. */
export function keyValueInput(fields: Fields, severalKeys: boolean): KvInput {
  const f = fields.oneOf('f', [...ONE_KEY, ...SEVERAL_KEYS])
  if (!severalKeys && (f === 'multi-get' || f === 'txn'))
    throw fields.error('f', `${f} joins several keys: the model of such a history is "transactions"`)
  switch (f) {
    case 'multi-get':
      return { f, keys: fields.list('keys', (keys, i) => keys.text(i)) }
    case 'txn':
      return {
        f,
        compares: fields.list('compares', (list, i) => {
          const compare = list.object(i)
          return { key: compare.text('key'), expect: expectOf(compare.object('expect')) }
        }),
        reads: fields.list('reads', (keys, i) => keys.text(i)),
        writes: fields.list('writes', (list, i) => {
          const write = list.object(i)
          return { key: write.text('key'), value: write.textOrNull('value') }
        }),
      }
    case 'get':
    case 'delete':
      return { f, key: fields.text('key') }
    case 'put':
    case 'append':
      return { f, key: fields.text('key'), value: fields.text('value') }
    case 'increment':
      return { f, key: fields.text('key'), by: fields.whole('by', Number.NEGATIVE_INFINITY) }
    case 'cas':
      return {
        f,
        key: fields.text('key'),
        expect: expectOf(fields.object('expect')),
        value: fields.text('value'),
      }
  }
}

export function keyValueOutput(fields: Fields, input: KvInput): KvOutput {
  switch (input.f) {
    case 'get':
      return { found: versionedOf(fields, 'found') }
    case 'put':
    case 'append':
    case 'delete':
      return versionOf(fields)
    case 'increment': {
      const number = fields.has('number') ? { number: fields.whole('number', Number.NEGATIVE_INFINITY) } : {}
      return { ...versionOf(fields), ...number }
    }
    case 'cas': {
      const current = fields.has('current') ? { current: versionedOf(fields, 'current') } : {}
      return { matched: fields.bool('matched'), ...versionOf(fields), ...current }
    }
    case 'multi-get':
      return { values: valuesOf(fields, 'values', input.keys.length) }
    case 'txn': {
      const applied = fields.bool('applied')
      const isShort = !applied && fields.list('reads', () => null).length === 0
      const reads = isShort ? [] : valuesOf(fields, 'reads', input.reads.length)
      return { applied, ...versionOf(fields), reads }
    }
  }
}

function expectOf(fields: Fields): KvExpect {
  if (fields.has('version')) return { version: fields.whole('version', 0) }
  return { value: fields.textOrNull('value') }
}

const versionOf = (fields: Fields): { version?: number } =>
  fields.has('version') ? { version: fields.whole('version', 0) } : {}

function versionedOf(fields: Fields, name: string): KvVersioned | null {
  if (fields.isNull(name)) return null
  const shown = fields.object(name)
  return { value: shown.text('value'), ...versionOf(shown) }
}

function valuesOf(fields: Fields, name: string, count: number): readonly (KvVersioned | null)[] {
  const values = fields.list(name, versionedOf)
  if (values.length === count) return values
  throw fields.error(name, `${values.length} values for ${count} keys`)
}
