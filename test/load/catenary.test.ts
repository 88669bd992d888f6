import { describe, expect, onTestFinished, test } from 'vitest'
import { listenBare } from '../../lab/bench/bare-door.ts'
import { openTarget } from '../../lab/load/open-target.ts'
import type { Operation, Target } from '../../lab/load/target.ts'
import type { ClientMessage, ServerMessage } from '../../protocol/client-messages.ts'
import { decodeClientBatch, encodeServerBatch } from '../../protocol/codec/client-codec.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { asChainId, asEpoch, asIncarnation, asSeq, asServerId } from '../../protocol/ids.ts'
import { evenSlotRanges } from '../../protocol/slots.ts'

type Answer = (message: ClientMessage & { type: 'read' | 'write' }) => ServerMessage | null

/** One server with so many chains, alone in each. It answers as told, else that all went well. */
async function startServer(chainCount: number, answer: Answer = () => null) {
  const heard: ClientMessage[] = []
  const closers: (() => void)[] = []
  const member = { server: asServerId('bare'), incarnation: asIncarnation(1), serving: true, leaving: false }
  const chains = evenSlotRanges(chainCount).map((range, i) => ({
    chain: asChainId(`c${i}`),
    epoch: asEpoch(1),
    members: [member],
    joining: null,
    slots: [range],
  }))
  const { port, server } = await listenBare((send) => (body) => {
    const messages = decodeClientBatch(body)
    heard.push(...messages)
    send(
      encodeServerBatch(
        messages.map((message): ServerMessage => {
          const { call } = message
          if (message.type === 'map-request') {
            const addresses = { [member.server]: { host: '127.0.0.1', port, zone: '' } }
            return { type: 'map-reply', call, map: { clusterId: 'x', chains, addresses } }
          }
          if (message.type === 'status-request') return { type: 'status-reply', call, json: '{}' }
          if (message.type === 'changes') throw new Error('nobody watches')
          return answer(message) ?? wentWell(message)
        }),
      ),
    )
  })
  server.on('connection', (socket) => closers.push(() => socket.destroy()))
  onTestFinished(() => {
    for (const close of closers) close()
    server.close()
  })
  const open = async (retries = false) => {
    const spec = {
      kind: 'catenary',
      servers: ['127.0.0.1:1', `127.0.0.1:${port}`], // nobody listens at the first
      reads: 'any',
      consistency: 'strong',
    } as const
    const target = await openTarget(spec, { retries })
    onTestFinished(() => target.close())
    return target
  }
  return { heard, open, breakConnections: () => closers.splice(0).forEach((close) => void close()) }
}

function wentWell(message: ClientMessage & { type: 'read' | 'write' }): ServerMessage {
  const { call } = message
  const at = asSeq(7)
  if (message.type === 'write')
    return { type: 'write-reply', call, result: { type: 'written', version: at, number: null } }
  if (message.command.type === 'get')
    return { type: 'read-reply', call, result: { type: 'values', values: [null], committed: true, at } }
  return {
    type: 'read-reply',
    call,
    result: { type: 'page', keys: [], values: [], more: false, committed: true, at },
  }
}

const failed = (call: number, code: ErrorCode): ServerMessage => ({
  type: 'failed',
  call,
  failure: { type: 'failure', code, message: 'as told' },
  map: null,
})

const ask = (target: Target, ...operations: Operation[]) =>
  Promise.all(
    operations.map(
      (operation) =>
        new Promise<string | null>((resolve) => {
          target.submit(operation, resolve)
          if (operation === operations.at(-1)) target.flush()
        }),
    ),
  )

const read = (key: string): Operation => ({ type: 'read', key })
const update = (key: string): Operation => ({ type: 'update', key, value: new Uint8Array(3) })

describe('the lean client', () => {
  test('writes are numbered in the session of their chain', async () => {
    const { open, heard } = await startServer(1)
    const target = await open()
    expect(await ask(target, update('a'), update('b'), read('a'))).toEqual([null, null, null])
    expect(await ask(target, update('c'))).toEqual([null])
    const writes = heard.flatMap((message) => (message.type === 'write' ? [message] : []))
    expect(writes.map(({ command }) => command.type)).toEqual(['open-session', 'put', 'put', 'put'])
    expect(writes.map(({ identity }) => identity)).toEqual([
      null,
      { session: 7, requestNumber: 1, answeredBelow: 1 },
      { session: 7, requestNumber: 2, answeredBelow: 1 },
      { session: 7, requestNumber: 3, answeredBelow: 3 },
    ])
  })

  test('several chains: keys by their slots, scans everywhere', async () => {
    const { open, heard } = await startServer(2)
    const target = await open()
    const keys = Array.from({ length: 20 }, (_, i) => `user${i}`)
    expect(new Set(await ask(target, ...keys.map(read), ...keys.map(update)))).toEqual(new Set([null]))
    expect(await ask(target, { type: 'scan', key: 'user5', limit: 3 })).toEqual([null])
    const scans = heard.flatMap((m) => (m.type === 'read' && m.command.type === 'scan' ? [m] : []))
    expect(scans.map(({ chain }) => chain).sort()).toEqual(['c0', 'c1'])
    expect(scans[0]?.command).toEqual({ type: 'scan', prefix: '', after: 'user4\xff', limit: 3 })
    const sessions = heard.filter((m) => m.type === 'write' && m.command.type === 'open-session')
    expect(sessions.length).toBe(2)
  })

  test('a redirect is an error, or tried again where errors are tolerated', async () => {
    let refusals = 2
    const answer: Answer = ({ type, call }) =>
      type === 'read' && refusals-- > 0 ? failed(call, 'NOT_SERVING') : null
    const { open } = await startServer(1, answer)
    expect(await ask(await open(false), read('a'))).toEqual(['bare: NOT_SERVING: as told'])
    refusals = 2
    expect(await ask(await open(true), read('a'))).toEqual([null])
  })

  test('who takes the writes is found out, errors tolerated or not', async () => {
    let refusals = 4
    const answer: Answer = ({ type, call }) =>
      type === 'write' && refusals-- > 0 ? failed(call, 'NOT_HEAD') : null
    const { open } = await startServer(1, answer)
    expect(await ask(await open(false), update('a'))).toEqual([null])
    refusals = 2
    const target = await open(false)
    expect(await ask(target, update('a'))).toEqual([null])
    refusals = 2
    expect(await ask(target, update('a'), update('b'))).toEqual([null, null])
  })

  test('what is wrong with a request is an error at once', async () => {
    const { open } = await startServer(1, ({ call }) => failed(call, 'BAD_ARGUMENT'))
    expect(await ask(await open(true), read('a'))).toEqual(['bare: BAD_ARGUMENT: as told'])
  })

  test('a lost connection is an error, or the write is sent again under its number', async () => {
    for (const retries of [false, true]) {
      let isFirst = true
      const server = await startServer(1, (message) => {
        if (message.type === 'write' && message.command.type === 'put' && isFirst) {
          isFirst = false
          server.breakConnections()
        }
        return null
      })
      const [outcome] = await ask(await server.open(retries), update('a'))
      if (!retries) expect(outcome).toContain('bare: the connection was lost')
      else expect(outcome).toBeNull()
      const numbers = server.heard.flatMap((m) =>
        m.type === 'write' && m.identity !== null ? [m.identity.requestNumber] : [],
      )
      expect(numbers).toEqual(retries ? [1, 1] : [1])
    }
  })
})
