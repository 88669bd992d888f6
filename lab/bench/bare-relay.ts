/**
 * Yardstick for writes: three processes in a row. Each decodes, puts into a Map, passes on, and with `sync` appends to a file with one fdatasync for all that
 * arrived meanwhile; the acknowledgement goes back once a process and all behind it have it. No epochs, no recovery, no exactly-once.
 */
import { connect } from 'node:net'
import type { ServerMessage } from '../../protocol/client-messages.ts'
import {
  decodeClientBatch,
  decodeServerBatch,
  encodeClientBatch,
  encodeServerBatch,
} from '../../protocol/codec/client-codec.ts'
import { encodeFrame, encodeHello } from '../../protocol/frame.ts'
import { asSeq, type Key } from '../../protocol/ids.ts'
import { listenBare, speak } from './bare-door.ts'
import { GroupCommit } from './bare-group-commit.ts'

/** One process of the row. `next`: port of the one behind it, 0 for the last. `file`: null for memory. */
export async function runBareRelay(options: { next: number; file: string | null }): Promise<number> {
  const values = new Map<Key, Uint8Array>()
  let [received, durable, behind, acked] = [0, 0, 0, 0]
  const replies: ServerMessage[][] = []
  let reply: (batches: number) => void = () => {}

  const settle = () => {
    const upTo = Math.min(options.file === null ? received : durable, options.next === 0 ? received : behind)
    if (upTo > acked) reply(upTo - acked)
    acked = Math.max(acked, upTo)
  }
  const log =
    options.file === null
      ? null
      : new GroupCommit(options.file, (batches) => {
          durable = batches
          settle()
        })
  const pass =
    options.next === 0
      ? null
      : dial(options.next, (count) => {
          behind += count
          settle()
        })

  const { port } = await listenBare((send) => {
    reply = (batches) => {
      const all = replies.splice(0, batches).flat()
      if (all.length > 0) send(encodeServerBatch(all))
    }
    return (body) => {
      const messages = decodeClientBatch(body)
      const batch: ServerMessage[] = []
      for (const message of messages) {
        if (message.type !== 'write') continue
        if (message.command.type === 'put') values.set(message.command.key, message.command.value)
        batch.push({
          type: 'write-reply',
          call: message.call,
          result: { type: 'written', version: asSeq(message.call + 1), number: null },
        })
      }
      received++
      replies.push(batch)
      pass?.(encodeClientBatch(messages), batch.length)
      log?.append(body)
      settle()
    }
  })
  return port
}

/** To the next process: its replies only count, one body for so many of ours. */
function dial(port: number, onAcked: (batches: number) => void): (body: Uint8Array, count: number) => void {
  const socket = connect(port, '127.0.0.1')
  const sent: number[] = []
  let [greeted, replied] = [false, 0]
  const send = speak(socket, (body) => {
    if (!greeted) {
      greeted = true
      return
    }
    replied += countReplies(body)
    let batches = 0
    while (sent[0] !== undefined && sent[0] <= replied) {
      replied -= sent.shift() ?? 0
      batches++
    }
    if (batches > 0) onAcked(batches)
  })
  socket.write(
    encodeFrame(
      encodeHello({ from: `relay-${process.pid}`, to: '', cluster: 'bare', listens: false, auth: 'none' }),
    ),
  )
  return (body, count) => {
    sent.push(count)
    send(body)
  }
}

const countReplies = (body: Uint8Array): number => decodeServerBatch(body).length
