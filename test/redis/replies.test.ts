import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SoloServer, startSoloServer } from '../../lab/fuzz/redis/solo-server.ts'
import { splitLine } from '../../runtime/doors/redis/request-reader.ts'
import { encodeRequest, type RealRedis, RedisWire, startRealRedis } from '../support/redis-wire.ts'

const REQUESTS = readFileSync(join(import.meta.dirname, 'commands.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))

let real: RealRedis
let solo: SoloServer

beforeAll(async () => {
  real = await startRealRedis()
  solo = await startSoloServer()
})

afterAll(async () => {
  await real?.stop()
  await solo?.close()
  expect(solo.bugs).toEqual([])
})

/** Time passes between two requests: all times to live in the file are multiples of 20 s. */
const settled = (line: string, reply: string): string =>
  /^TTL /.test(line)
    ? reply.replace(/\d\d+/, (seconds) => String(20 * Math.round(Number(seconds) / 20)))
    : reply

/** The replies to all requests, each under its number and text. */
async function answers(port: number, protocol: string): Promise<string[]> {
  const wire = await RedisWire.open(port)
  await wire.ask('FLUSHALL')
  await wire.ask('HELLO', protocol)
  const replies: string[] = []
  for (const [i, line] of REQUESTS.entries()) {
    wire.send(encodeRequest(splitLine(line) ?? []))
    replies.push(`${i} ${line} -> ${JSON.stringify(settled(line, await wire.reply()))}`)
  }
  wire.close()
  return replies
}

describe('the same words as Redis 7', () => {
  for (const protocol of ['2', '3']) {
    test(`${REQUESTS.length} requests over RESP${protocol}, reply for reply`, async () => {
      expect(await answers(solo.door.port, protocol)).toEqual(await answers(real.port, protocol))
    })
  }
})
