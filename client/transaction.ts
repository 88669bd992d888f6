import type {
  ChangesCommand,
  Compare,
  Condition,
  Mutation,
  ReadCommand,
  WriteCommand,
} from '../protocol/commands.ts'
import { StoreError } from '../protocol/errors.ts'
import type { Key } from '../protocol/ids.ts'
import { KEYS_PER_COMMAND_MAX, VALUE_BYTES_MAX } from '../protocol/limits.ts'
import { badArgument, toCondition, toExpiry, toKey, toValue } from './arguments.ts'
import type { Transaction, TransactionCompare, TransactionWrite } from './options.ts'

/** Builds the command of a transaction, and lists all its keys. */
export function toTransaction(
  transaction: Transaction,
  wallMs: () => number,
): { readonly command: WriteCommand; readonly keys: readonly Key[] } {
  const compares = (transaction.compare ?? []).map(toCompare)
  const reads = (transaction.read ?? []).map(toKey)
  const writes = (transaction.write ?? []).map((write) => toMutation(write, wallMs))
  const command = { type: 'transaction', compares, reads, writes } as const
  const keys = [...compares.map((compare) => compare.key), ...reads, ...writes.map((write) => write.key)]
  if (keys.length > KEYS_PER_COMMAND_MAX)
    throw badArgument(`transaction: ${keys.length} keys; the limit is ${KEYS_PER_COMMAND_MAX}`)
  let bytes = 0
  for (const write of writes) bytes += write.type === 'put' ? write.value.length : 0
  if (bytes > VALUE_BYTES_MAX) {
    throw new StoreError(
      'TOO_LARGE',
      `transaction: its values have ${bytes} bytes; the limit is ${VALUE_BYTES_MAX}`,
    )
  }
  return { command, keys }
}

function toCompare(compare: TransactionCompare): Compare {
  const { ifValue } = compare
  const other = toCondition(compare)
  const condition: Condition | null =
    ifValue === undefined ? other : { type: 'value', value: toValue(ifValue) }
  if (condition === null || (ifValue !== undefined && other !== null)) {
    throw badArgument('a compare of a transaction has one of ifValue, ifVersion, ifAbsent and ifPresent')
  }
  return { key: toKey(compare.key), condition }
}

function toMutation(write: TransactionWrite, wallMs: () => number): Mutation {
  const key = toKey(write.key)
  if (write.value === null) return { type: 'delete', key }
  return { type: 'put', key, value: toValue(write.value), expiry: toExpiry(write, wallMs) }
}

/** A key of a command, by which it finds its chain. @throws {StoreError} `BAD_ARGUMENT`: it has none. */
export function keyOf(command: WriteCommand): Key {
  if (command.type === 'open-session') throw badArgument('no key')
  if (command.type !== 'transaction') return command.key
  const key = command.compares[0]?.key ?? command.reads[0] ?? command.writes[0]?.key
  if (key === undefined) throw badArgument('transaction: no keys')
  return key
}

/** Keys and values of a command: what it costs to hold and to send. */
export function bytesOfCommand(command: WriteCommand | ReadCommand | ChangesCommand): number {
  switch (command.type) {
    case 'get': {
      let bytes = 0
      for (const key of command.keys) bytes += key.length
      return bytes
    }
    case 'changes':
      return command.prefix.length
    case 'scan':
      return command.prefix.length + (command.after?.length ?? 0)
    case 'transaction':
      return bytesOfTransaction(command)
    case 'open-session':
      return 0
    default:
      return (
        command.key.length +
        ('value' in command ? (command.value?.length ?? 0) : 0) +
        bytesOfCondition(command)
      )
  }
}

function bytesOfCondition(command: WriteCommand): number {
  const condition = 'condition' in command ? command.condition : null
  return condition?.type === 'value' ? condition.value.length : 0
}

function bytesOfTransaction({ compares, reads, writes }: WriteCommand & { type: 'transaction' }): number {
  let bytes = 0
  for (const { key, condition } of compares)
    bytes += key.length + (condition.type === 'value' ? condition.value.length : 0)
  for (const key of reads) bytes += key.length
  for (const write of writes) bytes += write.key.length + (write.type === 'put' ? write.value.length : 0)
  return bytes
}
