/**
 * One connection. Its requests take effect one after the other, as Redis has it, and yet share the chain's round trips: reads that follow each other are one snapshot,
 * and writes that follow each other are on their way together. Whatever is neither waits until those before it have been answered.
 */
import type { Socket } from 'node:net'
import { tlsSpeakerIn } from '../../../client/transport/tls-mistakes.ts'
import type { Principal } from '../../../protocol/access.ts'
import type { ChainId, Key } from '../../../protocol/ids.ts'
import { type Answer, type Command, fullName, isWrite, keysOf } from './command.ts'
import type { Door } from './door.ts'
import { MultiState } from './multi-state.ts'
import { ReadRuns } from './read-runs.ts'
import { commandOf } from './registry.ts'
import { ReplyError, RequestError } from './reply-error.ts'
import { ReplyWriter } from './reply-writer.ts'
import { type Args, RequestReader } from './request-reader.ts'
import { isSubscribed, type Session, type Subscriptions } from './session.ts'
import { LIMITS } from './settings.ts'
import { Overlay } from './space.ts'
import { transact } from './transaction.ts'
import { WriteQueue } from './write-queue.ts'

/** Written before the connection is full of replies. */
const FLUSH_BYTES = 64 * 1024
/** So much may have arrived and wait, before reading stops. */
const INPUT_PAUSE_BYTES = 64 * 1024
const QUIT_GRACE_MS = 500

/** A browser that somebody else's page has sent here: nothing of its request may be carried out. */
const isBrowsers = (args: Args): boolean => /^(post|host:)$/i.test(args.text(0).slice(0, 8))

export class Connection implements Session {
  readonly id: number
  readonly door: Door
  readonly remote: string
  readonly local: string
  readonly openedMs = performance.now()
  readonly subscriptions: Subscriptions = {
    channels: new Set(),
    patterns: new Set(),
    shardChannels: new Set(),
  }
  name = ''
  library = ''
  libraryVersion = ''
  protocol: 2 | 3 = 2
  readOnly = false
  lastCommand = 'NULL'
  lastActiveMs = performance.now()
  readonly multi = new MultiState()
  readonly #socket: Socket
  #principal: Principal | null
  readonly #reader = new RequestReader(LIMITS)
  readonly #reads: ReadRuns
  readonly #writes: WriteQueue
  #task = false
  #answer: Answer | null = null
  /** A request that waits for those before it. */
  #held: Args | null = null
  #broken: string | null = null
  #ending = false
  #closed = false
  #working = false
  #paused = false
  #countedInput = 0

  constructor(door: Door, socket: Socket, id: number) {
    this.door = door
    this.id = id
    this.#socket = socket
    this.#principal = door.access.initial
    const answered = () => {
      if (!this.#working) door.wake(this)
    }
    this.#reads = new ReadRuns(door, answered)
    this.#writes = new WriteQueue(door, answered)
    this.remote = `${socket.remoteAddress}:${socket.remotePort}`
    this.local = `${socket.localAddress}:${socket.localPort}`
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 300_000)
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('drain', () => door.wake(this))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#onClose())
  }

  /** As it has said, or as it is known without that: users may become known later than they connect. */
  get principal(): Principal | null {
    this.#principal ??= this.door.access.identify?.(this.#socket) ?? null
    return this.#principal
  }

  set principal(principal: Principal | null) {
    this.#principal = principal
  }

  get queuedCount(): number {
    return this.multi.queuedCount
  }

  get watchedCount(): number {
    return this.multi.watched.size
  }

  get inputBytes(): number {
    return this.#reader.pendingBytes + (this.#held?.byteLength ?? 0) + this.multi.bytes
  }

  get outputBytes(): number {
    return this.#socket.writableLength
  }

  get closed(): boolean {
    return this.#closed
  }

  /** For the door, which counts what all connections do not read. */
  get heldBytes(): number {
    return this.#socket.writableLength
  }

  /** Not from inside: somebody may be at work here. */
  giveUp(reason: string): void {
    setImmediate(() => {
      if (this.#closed) return
      this.door.onProtocolError(this.remote, reason)
      this.kill()
    })
  }

  #onData(chunk: Buffer): void {
    if (this.#closed || this.#ending || this.#broken !== null) return
    this.lastActiveMs = performance.now()
    const mistake = this.lastCommand === 'NULL' ? tlsSpeakerIn(chunk) : null
    if (mistake !== null) return this.giveUp(mistake)
    this.door.statistics.inputBytes += chunk.length
    this.#reader.push(chunk)
    this.door.store.startTurn()
    this.work()
  }

  #onClose(): void {
    if (this.#closed) return
    this.#closed = true
    this.#reads.clear()
    this.#writes.clear()
    this.#held = null
    this.multi.clear()
    this.door.inputBytes -= this.#countedInput
    this.#countedInput = 0
    this.door.onClosed(this)
  }

  /** Does what can be done now, and says what is known. */
  work(): void {
    if (this.#closed || this.#working) return
    const { reply } = this.door
    this.#working = true
    reply.protocol = this.protocol
    try {
      this.#loop(reply)
    } finally {
      this.#working = false
      this.#flush(reply)
      this.#balance()
    }
  }

  #loop(reply: ReplyWriter): void {
    for (;;) {
      if (!this.#advance(reply) || this.#ending) return
      if (reply.length > FLUSH_BYTES) this.#flush(reply)
      if (this.#socket.writableLength > LIMITS.outputPauseBytes) return // `drain` goes on
      if (this.#reads.hasMore) continue
      const args = this.#held ?? this.#next()
      if (args === null) {
        if (this.#reads.isGrowing) this.#reads.close()
        else return this.#endIfBroken(reply)
      } else if (this.#take(args, reply)) {
        this.#held = null
      } else {
        this.#held = args === this.#held ? args : args.keep()
        if (!this.#reads.isGrowing) return
        this.#reads.close()
      }
    }
  }

  #next(): Args | null {
    if (this.#broken !== null) return null
    this.#reader.isStrangers = this.principal === null
    try {
      return this.#reader.next() ? this.#reader.args : null
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      this.#broken = error.message
      return null
    }
  }

  #endIfBroken(reply: ReplyWriter): void {
    if (this.#broken === null || !this.#isIdle) return
    const { statistics } = this.door
    statistics.protocolErrors++
    this.#sayError(reply, `ERR Protocol error: ${this.#broken}`)
    this.door.onProtocolError(this.remote, this.#broken)
    this.end()
  }

  /** Nothing is under way. */
  get #isIdle(): boolean {
    return this.#reads.isEmpty && this.#writes.isEmpty && !this.#task
  }

  /** Says what has ended, and asks what is next. False: something is under way that nothing may overtake. */
  #advance(reply: ReplyWriter): boolean {
    if (this.#answer !== null) {
      const answer = this.#answer
      this.#answer = null
      this.#task = false
      reply.protocol = this.protocol
      answer(reply)
    }
    if (this.#task) return false
    const fallen = this.#writes.advance(reply)
    if (fallen !== null) this.#start(this.#transact(fallen.command, fallen.args, fallen.chain))
    return !this.#task && this.#reads.advance(reply)
  }

  /** @returns whether the request has been dealt with; else it waits. */
  #take(args: Args, reply: ReplyWriter): boolean {
    const { statistics } = this.door
    let atOnce = false
    try {
      const command = commandOf(args)
      this.door.admit(this, command, args)
      atOnce = MultiState.isAtOnce(command)
      this.#refuseWhileSubscribed(command, args)
      if (this.multi.isOpen && !atOnce)
        return this.#isIdle && this.multi.queue(this, { command, args: args.keep() }, reply)
      const done =
        command.now !== undefined || command.task !== undefined
          ? this.#alone(command, args, reply)
          : isWrite(command)
            ? this.#write(command, args)
            : this.#read(command, args)
      if (done) statistics.commands++
      if (done && this.lastCommand !== command.name) this.lastCommand = command.name
      return done
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error
      if (!this.#isIdle) return false
      if (isBrowsers(args)) {
        this.door.onProtocolError(this.remote, 'a web page speaks here in the name of its reader')
        this.kill()
        return true
      }
      if (!atOnce) this.multi.spoil()
      statistics.commands++
      this.#sayError(reply, error.message)
      return true
    }
  }

  /** Before RESP3 a reply and a message cannot be told apart. */
  #refuseWhileSubscribed(command: Command, args: Args): void {
    if (this.protocol === 3 || !isSubscribed(this)) return
    if (/^([ps]?(un)?subscribe|ping|quit|reset)$/.test(command.name)) return
    throw new ReplyError(
      `ERR Can't execute '${fullName(command, args)}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
    )
  }

  #sayError(reply: ReplyWriter, text: string): void {
    this.door.statistics.countError(text)
    reply.error(text)
  }

  #alone(command: Command, args: Args, reply: ReplyWriter): boolean {
    if (!this.#isIdle) return false
    if (command.task !== undefined) {
      this.#start(command.task(this, args.keep()))
      return true
    }
    const begun = reply.length
    try {
      command.now?.(this, args, reply)
    } catch (error) {
      reply.rewind(begun)
      throw error
    }
    return true
  }

  #start(task: Promise<Answer>): void {
    this.#task = true
    const end = (answer: Answer) => {
      this.#answer = answer
      this.door.wake(this)
    }
    task.then(end, (error: unknown) => {
      if (error instanceof ReplyError) end((reply) => this.#sayError(reply, error.message))
      else this.door.onBug(error)
    })
  }

  #read(command: Command, args: Args): boolean {
    if (!this.#writes.isEmpty) return false
    const keys = keysOf(command, args)
    if (keys.length > 0)
      return this.#reads.add(command, args, this.door.routeFor(this, command, keys).chain, keys)
    // HELP, and whatever else needs no key.
    if (!this.#isIdle) return false
    this.#runKeyless(command, args, this.door.reply)
    return true
  }

  #runKeyless(command: Command, args: Args, reply: ReplyWriter): void {
    command.run?.(new Overlay([], []), args, reply, { wallMs: this.door.wallMs() })
  }

  #write(command: Command, args: Args): boolean {
    if (!this.#reads.isEmpty) return false
    const keys = keysOf(command, args)
    const { chain } = this.door.routeFor(this, command, keys)
    const operation = command.head?.(args, { wallMs: this.door.wallMs() }) ?? null
    if (operation === null) {
      if (!this.#writes.isEmpty) return false
      this.#start(this.#transact(command, args.keep(), chain))
      return true
    }
    if (!this.#writes.takes(chain, operation)) return false
    this.#writes.add(command, args, operation, { chain, key: keys[0] as Key })
    return true
  }

  async #transact(command: Command, args: Args, chain: ChainId): Promise<Answer> {
    const replies = await transact(this, chain, [{ command, args }])
    return (reply) => reply.raw(replies ?? new Uint8Array(0))
  }

  #flush(reply: ReplyWriter): void {
    if (reply.length === 0) return
    if (!this.#closed && !this.#socket.destroyed) {
      this.door.statistics.outputBytes += reply.length
      this.#socket.write(reply.written)
    }
    // The kernel nearly always takes it at once; else its bytes are no longer ours.
    reply.reset(this.#socket.writableLength > 0)
    if (this.#socket.writableLength > 0) this.door.unread.look(this)
  }

  /** Stops reading while what has been read waits, and counts what it holds. */
  #balance(): void {
    if (this.#closed) return
    const bytes = this.inputBytes
    this.door.inputBytes += bytes - this.#countedInput
    this.#countedInput = bytes
    if (this.door.inputBytes > LIMITS.inputBytesMax && bytes > LIMITS.inputBytesMax / LIMITS.connectionsMax) {
      this.door.onProtocolError(this.remote, 'too many bytes of requests wait in all connections together')
      return this.kill()
    }
    const blocked =
      this.#held !== null || !this.#isIdle || this.#socket.writableLength > LIMITS.outputPauseBytes
    const pause = this.#ending || (blocked && bytes > INPUT_PAUSE_BYTES)
    if (pause === this.#paused) return
    this.#paused = pause
    if (pause) this.#socket.pause()
    else this.#socket.resume()
  }

  say(write: (reply: ReplyWriter) => void): void {
    if (this.#closed || this.#ending) return
    // Behind what it has just been told, which has not left yet.
    if (this.#working) return write(this.door.reply)
    const reply = new ReplyWriter(256)
    reply.protocol = this.protocol
    write(reply)
    this.#socket.write(reply.written)
    if (this.#socket.writableLength > LIMITS.outputBytesMax) this.kill()
    else if (this.#socket.writableLength > 0) this.door.unread.look(this)
  }

  reset(): void {
    this.multi.clear()
    this.name = ''
    this.protocol = 2
    this.readOnly = false
    this.principal = this.door.access.initial
    this.door.channels.forget(this)
  }

  end(): void {
    if (this.#ending) return
    this.#ending = true
    setImmediate(() => {
      // What the client still sends is not read; it must not keep the connection open either.
      this.#socket.end()
      this.#socket.resume()
      setTimeout(() => this.#socket.destroy(), QUIT_GRACE_MS).unref()
    })
  }

  kill(): void {
    this.#socket.destroy()
    this.#onClose()
  }
}
