import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SoloServer, startSoloServer } from '../../lab/fuzz/redis/solo-server.ts'
import { RedisWire } from '../support/redis-wire.ts'

let solo: SoloServer

beforeAll(async () => {
  solo = await startSoloServer()
})

afterAll(async () => {
  await solo?.close()
  expect(solo.bugs).toEqual([])
})

const open = () => RedisWire.open(solo.door.port)
const words = (reply: string) => reply.split('\r\n').filter((line) => !/^[*$>:]|^$/.test(line))

describe('channels', () => {
  test('a message reaches those who are subscribed, by name and by pattern', async () => {
    const [one, other, speaker] = await Promise.all([open(), open(), open()])
    await one.ask('SUBSCRIBE', 'news')
    await other.ask('PSUBSCRIBE', 'n[ae]*')
    expect(await speaker.ask('PUBLISH', 'news', 'hello')).toBe(':2\r\n')
    expect(words(await one.reply())).toEqual(['message', 'news', 'hello'])
    expect(words(await other.reply())).toEqual(['pmessage', 'n[ae]*', 'news', 'hello'])
    one.close()
    expect(await speaker.ask('PUBLISH', 'nothing', 'x')).toBe(':0\r\n')
    other.close()
    speaker.close()
  })

  test('what another server publishes is heard here', async () => {
    const one = await open()
    await one.ask('SUBSCRIBE', '\xffnews')
    const told: Uint8Array[] = []
    solo.door.store.tellOthers = (body) => void told.push(body)
    solo.door.channels.publish('channels', '\xffnews', Buffer.from('one'))
    expect(words(await one.reply())).toEqual(['message', '\xffnews', 'one'])
    for (const body of told) solo.door.channels.onTold(body)
    expect(words(await one.reply())).toEqual(['message', '\xffnews', 'one'])
    one.close()
  })

  test('a push comes behind the replies before it, over RESP3', async () => {
    const wire = await open()
    await wire.ask('HELLO', '3')
    wire.send(Buffer.from('SUBSCRIBE a\r\nPUBLISH a 1\r\nPING\r\n'))
    expect(words(await wire.reply())).toEqual(['subscribe', 'a'])
    expect(words(await wire.reply())).toEqual(['message', 'a', '1'])
    expect(await wire.reply()).toBe(':1\r\n')
    expect(await wire.reply()).toBe('+PONG\r\n')
    wire.close()
  })

  test('keyspace events of committed changes', async () => {
    const [listener, writer] = await Promise.all([open(), open()])
    await listener.ask('PSUBSCRIBE', '__keyevent@0__:*')
    await writer.ask('SET', 'k', 'v')
    expect(words(await listener.reply()).slice(-2)).toEqual(['__keyevent@0__:set', 'k'])
    await writer.ask('SET', 'k', 'v', 'PX', '1')
    expect(words(await listener.reply()).slice(-2)).toEqual(['__keyevent@0__:set', 'k'])
    expect(words(await listener.reply()).slice(-2)).toEqual(['__keyevent@0__:expire', 'k'])
    expect(words(await listener.reply()).slice(-2)).toEqual(['__keyevent@0__:del', 'k'])
    listener.close()
    writer.close()
  })
})
