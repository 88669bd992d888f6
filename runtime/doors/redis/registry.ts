/** All commands by name. */

import type { Command } from './command.ts'
import { ACL_COMMANDS } from './commands/acl.ts'
import { CHANNEL_COMMANDS } from './commands/channels.ts'
import { CLUSTER_COMMANDS } from './commands/cluster.ts'
import { COMMAND_COMMANDS } from './commands/command-table.ts'
import { CONNECTION_COMMANDS } from './commands/connection.ts'
import { COUNTER_COMMANDS } from './commands/counters.ts'
import { KEY_COMMANDS } from './commands/keys.ts'
import { LCS_COMMANDS } from './commands/lcs.ts'
import { SCAN_COMMANDS } from './commands/scanning.ts'
import { SERVER_COMMANDS } from './commands/server.ts'
import { STRING_COMMANDS } from './commands/strings.ts'
import { TRANSACTION_COMMANDS } from './commands/transactions.ts'
import { ReplyError, wrongArity } from './reply-error.ts'
import type { Args } from './request-reader.ts'

export const COMMANDS: ReadonlyMap<string, Command> = new Map(
  [
    ...STRING_COMMANDS,
    ...COUNTER_COMMANDS,
    ...KEY_COMMANDS,
    ...LCS_COMMANDS,
    ...SCAN_COMMANDS,
    ...TRANSACTION_COMMANDS,
    ...CONNECTION_COMMANDS,
    ...CHANNEL_COMMANDS,
    ...SERVER_COMMANDS,
    ...ACL_COMMANDS,
    ...CLUSTER_COMMANDS,
    ...COMMAND_COMMANDS,
  ].map((command) => [command.name, command]),
)

/** By a hash of the name: to make a string of it costs more than all the rest of finding it. */
const byHash = new Map<number, Command>()
const LOWER = 0x20

const hashOf = (byte: (i: number) => number, length: number): number => {
  let hash = length
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + (byte(i) | LOWER)) | 0
  return hash
}

for (const command of COMMANDS.values()) {
  const hash = hashOf((i) => command.name.charCodeAt(i), command.name.length)
  if (byHash.has(hash)) throw new Error(`${command.name} and ${byHash.get(hash)?.name} have one hash`)
  byHash.set(hash, command)
}

const NAME_SHOWN = 128

/** @throws {ReplyError} there is none, or it has other arguments. */
export function commandOf(args: Args): Command {
  const { buffer } = args
  const start = args.starts[0] ?? 0
  const length = args.length(0)
  let hash = length
  for (let i = 0; i < length && i < 32; i++)
    hash = (Math.imul(hash, 31) + ((buffer[start + i] ?? 0) | LOWER)) | 0
  const command = byHash.get(hash)
  if (command?.name.length !== length || !isNamed(command.name, buffer, start))
    throw new ReplyError(unknown(args))
  const { arity } = command
  if (arity > 0 ? args.count !== arity : args.count < -arity) throw new ReplyError(wrongArity(command.name))
  return command
}

function isNamed(name: string, buffer: Buffer, start: number): boolean {
  for (let i = 0; i < name.length; i++) {
    const byte = buffer[start + i] ?? 0
    const lower = byte >= 65 && byte <= 90 ? byte | LOWER : byte
    if (lower !== name.charCodeAt(i)) return false
  }
  return true
}

/** Text as C prints it. */
const shownText = (text: string, most: number) => text.slice(0, most).replace(/\0.*$/s, '')

/** As Redis says it: the name and the first arguments, cut off. */
function unknown(args: Args): string {
  let shown = ''
  for (let i = 1; i < args.count && shown.length < NAME_SHOWN; i++)
    shown += `'${shownText(args.text(i), NAME_SHOWN - shown.length)}' `
  return `ERR unknown command '${shownText(args.text(0), NAME_SHOWN)}', with args beginning with: ${shown}`
}
