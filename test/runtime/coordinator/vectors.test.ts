import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Ensemble } from './ensemble.ts'

// The conversation of the protocol's specification (§14), recorded from ZooKeeper 3.8.0, with a member of ours: byte by byte, but for
// session ids, passwords, times, and zxids, which begin wherever the log stands. `z2` is the second zxid of the conversation.

let ensemble: Ensemble
beforeAll(async () => {
  ensemble = await Ensemble.start(1)
})
afterAll(() => ensemble.stop())

/** Reads so many bytes at a time, whatever the chunks. */
class Wire {
  readonly #socket: Socket
  #bytes = Buffer.alloc(0)
  #wake: () => void = () => {}
  ended = false

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    this.#socket.on('close', () => {
      this.ended = true
      this.#wake()
    })
  }

  write(hex: string): void {
    this.#socket.write(Buffer.from(plain(hex), 'hex'))
  }

  async read(count: number): Promise<string> {
    while (this.#bytes.length < count && !this.ended) await this.#next()
    const hex = this.#bytes.subarray(0, count).toString('hex')
    this.#bytes = this.#bytes.subarray(count)
    return hex
  }

  async end(): Promise<string> {
    while (!this.ended) await this.#next()
    return this.#bytes.toString('hex')
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

const plain = (hex: string) => hex.replace(/[\s|]/g, '')
const Z0 = '0000000000000000'
const ANY8 = '.'.repeat(16)
const ANY16 = '.'.repeat(32)
/** czxid mzxid ctime mtime version cversion aversion owner dataLength numChildren pzxid */
const STAT = (mzxid: string, version: string) =>
  `z2 ${mzxid} ${ANY8} ${ANY8} ${version} 00000000 00000000 ${Z0} 00000002 00000000 z2`

const CONVERSATION: readonly (readonly [what: string, sent: string, expected: readonly string[]])[] = [
  [
    'connect',
    `0000002d 00000000 ${Z0} 00002710 ${Z0} 00000010 ${Z0}${Z0} 00`,
    [`00000025 00000000 00002710 ${ANY8} 00000010 ${ANY16} 00`],
  ],
  [
    'exists /: the root’s cversion is -1',
    '0000000e 00000001 00000003 00000001 2f 00',
    [
      `00000054 00000001 z1 00000000 ${Z0}${Z0}${Z0}${Z0} 00000000 ffffffff 00000000 ${Z0} 00000000 00000001 ${Z0}`,
    ],
  ],
  [
    'create /a',
    '00000033 00000002 00000001 00000002 2f61 00000002 6869 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00000000',
    ['00000016 00000002 z2 00000000 00000002 2f61'],
  ],
  [
    'getData /a, watched',
    '0000000f 00000003 00000004 00000002 2f61 01',
    [`0000005a 00000003 z2 00000000 00000002 6869 ${STAT('z2', '00000000')}`],
  ],
  [
    'setData /a: the notification first, then the reply',
    '00000018 00000004 00000005 00000002 2f61 00000002 796f 00000000',
    [
      '0000001e ffffffff ffffffffffffffff 00000000 00000003 00000003 00000002 2f61',
      `00000054 00000004 z3 00000000 ${STAT('z3', '00000001')}`,
    ],
  ],
  [
    'delete /nope',
    '00000015 00000005 00000002 00000005 2f6e6f7065 ffffffff',
    ['00000010 00000005 z4 ffffff9b'],
  ],
  [
    'a multi that fails',
    '0000003a 00000006 0000000e | 0000000d 00 ffffffff 00000002 2f61 00000001 | 00000002 00 ffffffff 00000005 2f6e6f7065 ffffffff | ffffffff 01 ffffffff',
    [
      '00000033 00000006 z5 00000000 | ffffffff 00 00000000 00000000 | ffffffff 00 ffffff9b ffffff9b | ffffffff 01 ffffffff',
    ],
  ],
  ['ping', '00000008 fffffffe 0000000b', ['00000010 fffffffe z5 00000000']],
  [
    'an authentication',
    '0000001a fffffffc 00000064 00000000 00000006 646967657374 00000000',
    [`00000010 fffffffc ${Z0} 00000000`],
  ],
  ['what cannot be decoded', '0000000c 00000008 00000006 7fffffff', ['00000010 00000008 z5 fffffffb']],
  ['closeSession', '00000008 00000007 fffffff5', ['00000010 00000007 z6 00000000']],
]

test('the conversation of ZooKeeper’s protocol, byte by byte', async () => {
  const wire = new Wire(ensemble.members[0]?.clientPort ?? 0)
  let firstZxid: bigint | null = null
  for (const [what, sent, expected] of CONVERSATION) {
    wire.write(sent)
    for (const template of expected) {
      const length = 2 * (4 + Number.parseInt(plain(template).slice(0, 8), 16))
      const got = await wire.read(length / 2)
      if (plain(template).slice(16, 18) === 'z1') firstZxid = BigInt(`0x${got.slice(16, 32)}`)
      const base = firstZxid ?? 0n
      const pattern = plain(template).replace(/z(\d)/g, (_, n: string) =>
        (base + BigInt(n) - 1n).toString(16).padStart(16, '0'),
      )
      expect(got, what).toMatch(new RegExp(`^${pattern}$`))
    }
  }
  expect(await wire.end()).toBe('')
})
