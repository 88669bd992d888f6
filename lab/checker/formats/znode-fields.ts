import type { ZnodeInput, ZnodeOutput } from '../operations.ts'
import type { Fields } from './fields.ts'

const ANY_VERSION = -1

export function znodeInput(fields: Fields): ZnodeInput {
  const f = fields.oneOf('f', ['create', 'set', 'remove', 'read', 'children', 'sync'])
  switch (f) {
    case 'sync':
      return { f }
    case 'create': {
      const sequential = fields.has('sequential') ? { sequential: fields.bool('sequential') } : {}
      return { f, path: pathOf(fields, 'path'), data: fields.text('data'), ...sequential }
    }
    case 'set':
      return {
        f,
        path: pathOf(fields, 'path'),
        data: fields.text('data'),
        version: fields.whole('version', ANY_VERSION),
      }
    case 'remove':
      return { f, path: pathOf(fields, 'path'), version: fields.whole('version', ANY_VERSION) }
    case 'read':
    case 'children':
      return { f, path: pathOf(fields, 'path') }
  }
}

export function znodeOutput(fields: Fields, input: ZnodeInput): ZnodeOutput {
  const zxid = fields.whole('zxid', 0)
  const error = fields.textOrNull('error')
  if (error !== null) return { zxid, error }
  switch (input.f) {
    case 'create':
      return { zxid, error, path: pathOf(fields, 'path') }
    case 'set':
      return { zxid, error, ...(fields.has('version') ? { version: fields.whole('version', 0) } : {}) }
    case 'read': {
      const version = fields.has('version') ? { version: fields.whole('version', 0) } : {}
      return { zxid, error, data: fields.text('data'), ...version }
    }
    case 'children':
      return { zxid, error, children: fields.list('children', (names, i) => names.text(i)) }
    case 'remove':
    case 'sync':
      return { zxid, error }
  }
}

function pathOf(fields: Fields, name: string): string {
  const path = fields.text(name)
  if (path.startsWith('/')) return path
  throw fields.error(name, `${JSON.stringify(path)} is no path: it begins with /`)
}
