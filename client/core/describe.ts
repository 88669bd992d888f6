import type { Key } from '../../protocol/ids.ts'
import { unreachable } from '../../protocol/invariants.ts'
import type { Operation } from './events.ts'

const SHOWN = 60

/** An operation as error messages name it: `put "user:42"`. */
export function describe(operation: Operation): string {
  switch (operation.type) {
    case 'status':
      return `status of ${operation.server}`
    case 'read': {
      const { command } = operation
      if (command.type === 'changes') return `watch ${quote(command.prefix)}`
      return command.type === 'scan' ? `scan ${quote(command.prefix)}` : `get ${describeKeys(command.keys)}`
    }
    case 'write': {
      const { command } = operation
      if (command.type === 'open-session') return 'open-session'
      if (command.type !== 'transaction') return `${command.type} ${quote(command.key)}`
      const keys = [
        ...command.compares.map((c) => c.key),
        ...command.reads,
        ...command.writes.map((w) => w.key),
      ]
      return `transaction on ${describeKeys(keys)}`
    }
    default:
      return unreachable(operation)
  }
}

function describeKeys(keys: readonly Key[]): string {
  const [first] = keys
  if (first === undefined) return 'no keys'
  return keys.length === 1 ? quote(first) : `${quote(first)} and ${keys.length - 1} more`
}

const quote = (key: Key) => JSON.stringify(key.length > SHOWN ? `${key.slice(0, SHOWN)}...` : key)
