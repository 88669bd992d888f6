/** Yardstick for reads: decodes, looks up a Map, answers the same bytes with the same batching. Writes fill the Map. */
import { randomBytes } from 'node:crypto'
import type { ServerMessage } from '../../protocol/client-messages.ts'
import { decodeClientBatch, encodeServerBatch } from '../../protocol/codec/client-codec.ts'
import type { Versioned } from '../../protocol/commands.ts'
import { asMillis, asSeq, type Key } from '../../protocol/ids.ts'
import { listenBare } from './bare-door.ts'
import { benchKey } from './lean-load.ts'

export async function runBareServer(options: { keys: number; valueBytes: number }): Promise<number> {
  const values = new Map<Key, Versioned>()
  for (let i = 0; i < options.keys; i++) {
    values.set(benchKey(i), {
      value: randomBytes(options.valueBytes),
      version: asSeq(i + 1),
      expiresAtWallMs: asMillis(0),
    })
  }
  const at = asSeq(Math.max(1, options.keys))
  const { port } = await listenBare((send) => (body) => {
    const replies: ServerMessage[] = []
    for (const message of decodeClientBatch(body)) {
      if (message.type === 'write' && message.command.type === 'put') {
        const { key, value } = message.command
        values.set(key, { value, version: at, expiresAtWallMs: asMillis(0) })
        replies.push({
          type: 'write-reply',
          call: message.call,
          result: { type: 'written', version: at, number: null },
        })
      }
      if (message.type !== 'read' || message.command.type !== 'get') continue
      const found = message.command.keys.map((key) => values.get(key) ?? null)
      replies.push({
        type: 'read-reply',
        call: message.call,
        result: { type: 'values', values: found, committed: true, at },
      })
    }
    send(encodeServerBatch(replies))
  })
  return port
}
