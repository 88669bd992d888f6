/**
 * A few members of the coordinators' ensemble, each with the real tree, watches and request queue, over one log. What is in the log is committed; each member applies it when
 * the story says so. So a member can lag behind for as long as a chapter needs.
 */
import { apply } from '../../../coordinator/znodes/apply.ts'
import type { Command } from '../../../coordinator/znodes/command.ts'
import { identitiesOfAddress } from '../../../coordinator/znodes/identities.ts'
import { type QueueOutbox, RequestQueue } from '../../../coordinator/znodes/request-queue.ts'
import { newTree, type ZnodeTree } from '../../../coordinator/znodes/tree.ts'
import { zkErrorName } from '../../../protocol/zookeeper/errors.ts'
import type { Request, Response } from '../../../protocol/zookeeper/ops.ts'
import type { StageArrow, StageFrame, StageNode, StageTone } from '../stage/frame.ts'
import { arrow, plainNode, Story } from '../stage/story.ts'
import { nameOfRequest, textOfEvent, textOfResponse } from './texts.ts'

interface Member {
  readonly name: string
  readonly tree: ZnodeTree
  readonly queue: RequestQueue
}

interface Client {
  readonly name: string
  member: Member
  connection: number
  session: bigint
  xid: number
  /** Highest zxid that a reply has named. */
  zxid: number
}

export interface Reply {
  readonly text: string
  readonly zxid: number
  readonly isError: boolean
  readonly response: Response | null
}

const FOUNDED = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']
const bytesOf = (text: string) => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array | null) => (bytes === null ? '' : new TextDecoder().decode(bytes))

export class ZnodeStage {
  readonly #members = new Map<string, Member>()
  readonly #clients = new Map<string, Client>()
  readonly #log: Command[] = []
  readonly #story: Story
  /** Since the last frame. */
  #arrows: StageArrow[] = []
  readonly #replies = new Map<string, Reply[]>()
  readonly #events = new Map<string, string[]>()
  /** Watch events delivered so far, to anybody. */
  wakeUps = 0

  constructor(options: { readonly members: readonly string[]; readonly clients: readonly string[] }) {
    const nodes = [
      ...options.clients.map((name) => plainNode(name, 'client')),
      ...options.members.map((name, i) => plainNode(name, i === 0 ? 'leader' : 'follower')),
    ]
    this.#story = new Story(nodes)
    for (const [i, name] of options.members.entries()) this.#addMember(name, i + 1)
    for (const [i, name] of options.clients.entries()) this.#openSession(name, i)
  }

  get frames(): readonly StageFrame[] {
    return this.#story.frames
  }

  /** A request, as far as the client's member takes it without applying anything more. */
  ask(client: string, request: Request): void {
    const one = this.#client(client)
    this.#arrows.push(arrow(client, one.member.name, nameOfRequest(request)))
    one.xid += 1
    one.member.queue.step({ type: 'request', connection: one.connection, xid: one.xid, request, bytes: 50 })
  }

  /** The member applies the next entries of the log; all, where no number is said. */
  apply(name: string, count = Number.POSITIVE_INFINITY): void {
    const member = this.#member(name)
    for (let applied = 0; applied < count && member.tree.zxid < this.#log.length; applied++) {
      const zxid = member.tree.zxid + 1
      const command = this.#log[zxid - 1]
      if (command === undefined) return
      const result = apply(member.tree, zxid, { ...command, timeWallMs: zxid })
      member.queue.step({ type: 'applied', command, result })
    }
  }

  /** The client gives up its member and asks another one to go on with its session. @returns whether that one took it. */
  move(client: string, to: string): boolean {
    const one = this.#client(client)
    const member = this.#member(to)
    const connection = one.connection + 100
    let taken = true
    this.#refused = () => {
      taken = false
    }
    member.queue.step({
      type: 'connect',
      connection,
      session: one.session,
      passwordMatches: true,
      timeoutMs: 10_000,
      lastZxidSeen: one.zxid,
      identities: identitiesOfAddress('127.0.0.1'),
    })
    this.#arrows.push(arrow(client, to, `go on from zxid ${one.zxid}`, taken ? 'delivered' : 'refused'))
    if (!taken) return false
    one.member = member
    one.connection = connection
    return true
  }

  /** Replies that the client has got since it was last asked. */
  takeReplies(client: string): readonly Reply[] {
    const replies = this.#replies.get(client) ?? []
    this.#replies.set(client, [])
    return replies
  }

  /** Watch events that the client has got since it was last asked. */
  takeEvents(client: string): readonly string[] {
    const events = this.#events.get(client) ?? []
    this.#events.set(client, [])
    return events
  }

  draw(
    caption: string,
    { cites = null, tone = 'plain' }: { readonly cites?: string | null; readonly tone?: StageTone } = {},
  ): void {
    for (const member of this.#members.values()) this.#story.change(member.name, { notes: notesOf(member) })
    this.#story.draw(caption, { cites, tone, arrows: this.#arrows })
    this.#arrows = []
  }

  /** What led to the first frame is not worth an arrow. */
  forgetArrows(): void {
    this.#arrows = []
  }

  note(client: string, notes: readonly string[]): void {
    this.#story.change(client, { notes } satisfies Partial<StageNode>)
  }

  #refused: () => void = () => {}

  #client(name: string): Client {
    const client = this.#clients.get(name)
    if (client === undefined) throw new RangeError(`no client ${name} on this stage`)
    return client
  }

  #member(name: string): Member {
    const member = this.#members.get(name)
    if (member === undefined) throw new RangeError(`no member ${name} on this stage`)
    return member
  }

  #addMember(name: string, number: number): void {
    const tree = newTree()
    this.#members.set(name, {
      name,
      tree,
      queue: new RequestQueue({ member: number, tree, out: this.#outbox(name) }),
    })
  }

  /** Clients begin at the members in turn. */
  #openSession(name: string, i: number): void {
    const names = [...this.#members.keys()]
    const member = this.#member(names[i % names.length] ?? '')
    const client: Client = { name, member, connection: i + 1, session: 0n, xid: 0, zxid: 0 }
    this.#clients.set(name, client)
    member.queue.step({
      type: 'connect',
      connection: client.connection,
      session: 0n,
      passwordMatches: true,
      timeoutMs: 10_000,
      lastZxidSeen: 0,
      identities: identitiesOfAddress('127.0.0.1'),
    })
    for (const each of names) this.apply(each)
  }

  #outbox(member: string): QueueOutbox {
    const clientOf = (connection: number) =>
      [...this.#clients.values()].find((one) => one.connection === connection && one.member.name === member)
    return {
      forward: (command) => void this.#log.push(command),
      // What is in the log is committed: the member may answer once it has applied as much.
      askReadIndex: (token) => {
        this.#arrows.push(arrow(member, [...this.#members.keys()][0] ?? '', 'sync'))
        this.apply(member)
        this.#member(member).queue.step({ type: 'read-index-reached', token })
      },
      connected: (connection, session) => {
        const client = clientOf(connection)
        if (client !== undefined) client.session = session
      },
      refused: () => this.#refused(),
      reply: (connection, _xid, zxid, err, response) => {
        const client = clientOf(connection)
        if (client === undefined) return
        const text = err === 0 ? textOfResponse(response) : zkErrorName(err)
        client.zxid = Math.max(client.zxid, zxid)
        this.#replies.set(client.name, [
          ...(this.#replies.get(client.name) ?? []),
          { text, zxid, isError: err !== 0, response },
        ])
        this.#arrows.push({ ...arrow(member, client.name, text), fields: [`zxid: ${zxid}`] })
      },
      notify: (connection, event) => {
        const client = clientOf(connection)
        if (client === undefined) return
        const text = textOfEvent(event)
        this.wakeUps += 1
        this.#events.set(client.name, [...(this.#events.get(client.name) ?? []), text])
        this.#arrows.push(arrow(member, client.name, `watch: ${text}`))
      },
      pause: () => {},
      resume: () => {},
      close: () => this.#refused(),
    }
  }
}

function notesOf({ tree }: Member): readonly string[] {
  const znodes = [...tree.nodes].filter(([path]) => !FOUNDED.includes(path))
  return [
    `zxid ${tree.zxid}`,
    ...znodes.map(([path, { data }]) => (textOf(data) === '' ? path : `${path} = ${textOf(data)}`)),
  ]
}

/** Requests, as the stories make them. */
export const REQUESTS = {
  create: (
    path: string,
    data = '',
    flags: 'plain' | 'ephemeral' | 'ephemeral-sequential' = 'plain',
  ): Request => ({
    type: 'create',
    path,
    data: bytesOf(data),
    acl: [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }],
    flags: flags === 'plain' ? 0 : flags === 'ephemeral' ? 1 : 3,
  }),
  remove: (path: string): Request => ({ type: 'delete', path, version: -1 }),
  set: (path: string, data: string): Request => ({ type: 'setData', path, data: bytesOf(data), version: -1 }),
  get: (path: string, watch = false): Request => ({ type: 'getData', path, watch }),
  exists: (path: string, watch = false): Request => ({ type: 'exists', path, watch }),
  children: (path: string): Request => ({ type: 'getChildren', path, watch: false }),
  sync: (path: string): Request => ({ type: 'sync', path }),
} as const
