import { expect, test } from 'vitest'
import { encodeConnectRequest } from '../../../protocol/zookeeper/packets.ts'
import type { ClientSocket } from '../../../runtime/doors/zookeeper/client-connection.ts'
import { type DoorServices, ZookeeperDoor } from '../../../runtime/doors/zookeeper/door.ts'

test('of what a connection is owed beyond 32 MiB nothing is encoded: it ends', () => {
  let destroyed = false
  const socket: ClientSocket = {
    remoteAddress: '127.0.0.1',
    write: () => {},
    pause: () => {},
    resume: () => {},
    isPaused: () => false,
    end: () => {},
    destroy: () => {
      destroyed = true
    },
  }
  const quiet = () => {}
  const timer = { cancel: quiet }
  const services: Partial<DoorServices> = {
    step: quiet,
    isServing: () => true,
    nextConnection: () => 7,
    passwordOf: () => new Uint8Array(16),
    touched: quiet,
  }
  const door = new ZookeeperDoor({
    limits: {
      sessionTimeout: { minMs: 1_000, maxMs: 10_000 },
      maxClientConnections: 1,
      packetBytesMax: 1_000_000,
      fourLetterWords: [],
      slowClientMs: 1_000,
      heldBytesMax: 1024 * 1024 * 1024,
      superDigest: null,
      extendedTypesEnabled: true,
    },
    ports: {
      timers: { nowMs: () => 0, after: () => timer, every: () => timer },
      atTurnEnd: quiet,
    },
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    services: services as DoorServices,
  })
  const connection = door.accept(socket)
  connection?.onData(
    encodeConnectRequest({
      protocolVersion: 0,
      lastZxidSeen: 0,
      timeoutMs: 4_000,
      sessionId: 0n,
      password: new Uint8Array(16),
      readOnly: false,
    }),
  )
  door.connected(7, 1n, 4_000)
  const data = new Uint8Array(1024 * 1024)
  const stat = {
    ...{ czxid: 1, mzxid: 1, ctime: 1, mtime: 1, version: 0, cversion: 0, aversion: 0 },
    ...{ ephemeralOwner: 0n, dataLength: data.length, numChildren: 0, pzxid: 1 },
  }
  for (let xid = 1; xid <= 100; xid += 1) door.reply(7, xid, 1, 0, { type: 'getData', data, stat })
  expect(destroyed).toBe(true)
  expect(door.traffic.sent).toBe(33) // the answer to the ConnectRequest, and what goes just beyond 32 MiB
})
