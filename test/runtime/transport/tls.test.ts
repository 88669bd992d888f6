/** Links over TLS: who is spoken to, who is refused and hears why, and that every byte arrives as it was. */
import { createHash } from 'node:crypto'
import { copyFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TLSSocket, connect as tlsConnect } from 'node:tls'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openTcpDial } from '../../../client/transport/tcp-dial.ts'
import type { TlsSource } from '../../../client/transport/tls-options.ts'
import { MEMBER as PROVED } from '../../../protocol/access.ts'
import type { Transport } from '../../../protocol/transport.ts'
import { linkProof } from '../../../runtime/security/link-proof.ts'
import { ClusterSecret } from '../../../runtime/security/secret.ts'
import { NodeTls, type TlsFiles } from '../../../runtime/security/tls.ts'
import { type ListeningTransport, openTcp } from '../../../runtime/transport/tcp.ts'
import { CertificateAuthority, pemOf } from '../../support/certificates.ts'
import { Ear, numbered } from './fabrics.ts'

const [ours, strangers] = [new CertificateAuthority(), new CertificateAuthority()]
const MEMBER = ours.sign('/OU=member/CN=n1')
const NEWER = ours.sign('/OU=member/CN=n1-newer')
const ELSEWHERE = ours.sign('/OU=member/CN=elsewhere', { names: 'subjectAltName=DNS:n1.example' })
const FOREIGN = strangers.sign('/OU=member/CN=foreign')
const EXPIRED = ours.sign('/OU=member/CN=expired', { days: -1 })

const said: { level: string; text: string }[] = []
const line = (level: string) => (fields: object | string, text?: string) =>
  void said.push({ level, text: `${text ?? ''} ${JSON.stringify(fields)}` })
const log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }

const open: { close(): unknown }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((closable) => closable.close()))
})
afterAll(() => {
  ours.remove()
  strangers.remove()
})

const files = (more: Partial<TlsFiles> = {}): TlsFiles => ({
  ...MEMBER,
  ca: ours.cert,
  mutual: false,
  ...more,
})

async function listen(tls: TlsFiles | null, ear: Ear): Promise<ListeningTransport & { tls: NodeTls | null }> {
  const secure = tls === null ? null : new NodeTls(tls, log)
  if (secure !== null) open.push(secure)
  const transport = await openTcp({
    ...{ self: 'n1', cluster: 'test', host: '127.0.0.1', port: 0, events: ear, secure },
  })
  open.push(transport)
  return Object.assign(transport, { tls: secure })
}

/** Says something to n1 at once. */
function dial(to: ListeningTransport, tls: TlsSource | null): { transport: Transport; ear: Ear } {
  const ear = new Ear()
  const options = { self: 'client-1', cluster: 'test', events: ear }
  const transport = openTcpDial({ ...options, ...(tls !== null && { tls }) })
  open.push(transport)
  transport.setAddress('n1', to.address)
  transport.send('n1', numbered(1))
  return { transport, ear }
}

let ear: Ear
beforeEach(() => {
  ear = new Ear()
  said.length = 0
})

const TRUSTING = { ca: ours.pem }
const logged = () => said.map(({ text }) => text).join('\n')

describe('links over TLS', () => {
  test('carry bodies of many sizes as they are, also to somebody who reads slowly', async () => {
    const n1 = await listen(files(), ear)
    const client = dial(n1, TRUSTING)
    await ear.until('the first body', () => ear.bodies.length === 1)
    const digest = createHash('sha256')
    const expected = createHash('sha256')
    const BODIES = 600
    for (let i = 0; i < BODIES; i++) {
      // Around both of the limits by which bodies are copied, or written as they are.
      const body = new Uint8Array([7, 300, 5000, 32 * 1024, 33 * 1024, 90_000][i % 6] ?? 0).fill(i)
      expected.update(body)
      n1.send('client-1', body)
      if (i % 7 === 0) n1.flush()
      if (i % 50 === 0) await new Promise(setImmediate)
    }
    await client.ear.until('all of them', () => client.ear.bodies.length === BODIES)
    for (const { body } of client.ear.bodies) digest.update(body)
    expect(digest.digest('hex')).toBe(expected.digest('hex'))
    expect(client.ear.downs).toEqual([])
  })

  test('two servers prove inside TLS that they are of the cluster', async () => {
    const proof = linkProof(new ClusterSecret(Buffer.from('a secret of sixteen bytes')), null)
    const ears = { n1: new Ear(), n2: new Ear() }
    const [n1, n2] = await Promise.all(
      (['n1', 'n2'] as const).map(async (self) => {
        const secure = new NodeTls(files({ mutual: true }), log)
        const at = { self, cluster: 'test', host: '127.0.0.1', port: 0 }
        const transport = await openTcp({ ...at, events: ears[self], secure, ...proof })
        open.push(secure, transport)
        return transport
      }),
    )
    if (n1 === undefined || n2 === undefined) throw new Error('two were opened')
    n1.setAddress('n2', n2.address)
    n2.setAddress('n1', n1.address)
    n1.send('n2', numbered(1))
    n2.send('n1', numbered(2))
    await ears.n1.until('a body', () => ears.n1.bodies.length === 1)
    await ears.n2.until('a body', () => ears.n2.bodies.length === 1)
    expect(ears.n1.bodies[0]).toMatchObject({ from: 'n2', principal: PROVED })
    expect(ears.n2.bodies[0]).toMatchObject({ from: 'n1', principal: PROVED })
  })

  test.each([
    ['signed by somebody else', FOREIGN, /signed by nobody/],
    ['for another name', ELSEWHERE, /other names/],
  ])('a server whose certificate is %s hears nothing', async (_, certificate, reason) => {
    const n1 = await listen(files({ ...certificate, ca: null }), ear)
    const client = dial(n1, TRUSTING)
    await client.ear.until('a refusal', () => client.ear.refusals.length > 0)
    expect(client.ear.refusals[0]?.reason).toMatch(reason)
    expect(ear.bodies).toEqual([])
  })

  test('`servername` says which name counts', async () => {
    const n1 = await listen(files(ELSEWHERE), ear)
    dial(n1, { ...TRUSTING, servername: 'n1.example' })
    await ear.until('the body', () => ear.bodies.length === 1)
  })

  test('who speaks no TLS to who does, and the other way round, hear that', async () => {
    const secure = await listen(files(), ear)
    const plain = dial(secure, null)
    await plain.ear.until('a refusal', () => plain.ear.refusals.length > 0)
    expect(plain.ear.refusals[0]?.reason).toMatch(/the server speaks TLS: give --tls-ca/)
    await expect.poll(logged).toMatch(/it does not speak TLS, and this port does/)
    const open = await listen(null, ear)
    const client = dial(open, TRUSTING)
    await client.ear.until('an end', () => client.ear.downs.length > 0)
    expect(client.ear.downs[0]?.reason).toMatch(/does not speak TLS/)
    await ear.until('a line about it', () => ear.errors.some(({ reason }) => /speaks TLS/.test(reason)))
  })

  test('with --tls-mutual nobody comes in without a certificate of the CA', async () => {
    const n1 = await listen(files({ mutual: true }), ear)
    const [none, foreign] = [dial(n1, TRUSTING), dial(n1, { ...TRUSTING, ...pemOf(FOREIGN) })]
    await none.ear.until('an end', () => none.ear.downs.length > 0)
    await foreign.ear.until('an end', () => foreign.ear.downs.length > 0)
    expect(none.ear.downs[0]?.reason).toMatch(/asks for a certificate/)
    expect(ear.bodies).toEqual([])
    dial(n1, { ...TRUSTING, ...pemOf(MEMBER) })
    await ear.until('the body', () => ear.bodies.length === 1)
  })

  test('who says nothing does not keep a listener from closing for long', async () => {
    const n1 = await listen(files(), ear)
    const socket = connect({ ...n1.address })
    open.push({ close: () => socket.destroy() })
    await new Promise((resolve) => socket.once('connect', resolve))
    const start = performance.now()
    await n1.close()
    expect(performance.now() - start).toBeLessThan(1000)
  })
})

describe('certificates', () => {
  test.each([
    ['an expired one', EXPIRED, /has expired on/],
    ['the key of another', { ...MEMBER, key: NEWER.key }, /does not belong to --tls-cert/],
    ['no PEM', { cert: ours.cert, key: ours.cert }, /--tls-key .* is no PEM/],
    ['none', { ...MEMBER, cert: join(ours.directory, 'none') }, /--tls-cert .* cannot be read/],
  ])('%s is refused at the start', (_, certificate, reason) => {
    expect(() => new NodeTls(files(certificate), log)).toThrow(reason)
  })

  test('are replaced by reload for new connections; a broken file changes nothing', async () => {
    const [cert, key] = [join(ours.directory, 'live.pem'), join(ours.directory, 'live.key')]
    const install = (from: { cert: string; key: string }) => {
      copyFileSync(from.cert, cert)
      copyFileSync(from.key, key)
    }
    install(MEMBER)
    const n1 = await listen(files({ cert, key }), ear)
    const client = dial(n1, TRUSTING)
    await ear.until('the body', () => ear.bodies.length === 1)
    expect(await nameAt(n1)).toBe('n1')
    install(NEWER)
    n1.tls?.reload()
    expect(await nameAt(n1)).toBe('n1-newer')
    copyFileSync(MEMBER.key, key)
    n1.tls?.reload()
    expect(logged()).toMatch(/certificates not loaded again.*does not belong to/)
    expect(await nameAt(n1)).toBe('n1-newer')
    expect(client.ear.downs).toEqual([])
  })
})

/** Whom the listener says to be. */
function nameAt({ address }: ListeningTransport): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = tlsConnect({ ...address, ...TRUSTING }, () => {
      const { CN } = socket.getPeerCertificate().subject
      socket.destroy()
      resolve(Array.isArray(CN) ? CN[0] : CN)
    })
    socket.on('error', reject)
  })
}
