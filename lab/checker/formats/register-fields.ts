import type { RegisterInput, RegisterOutput } from '../operations.ts'
import type { Fields } from './fields.ts'

export function registerInput(fields: Fields): RegisterInput {
  const f = fields.oneOf('f', ['read', 'write', 'cas'])
  if (f === 'read') return { f }
  const value = fields.textOrNumber('value')
  return f === 'write' ? { f, value } : { f, expect: fields.textOrNumber('expect'), value }
}

export function registerOutput(fields: Fields, { f }: RegisterInput): RegisterOutput {
  if (f === 'read') return { value: fields.isNull('value') ? null : fields.textOrNumber('value') }
  return f === 'cas' ? { matched: fields.bool('matched') } : {}
}
