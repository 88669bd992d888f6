import type { Link, LinkEvents, SessionPlatform } from '../../../client/coordinator/platform.ts'
import { FrameSplitter } from '../../../protocol/zookeeper/frames.ts'
import { readReply } from '../../../protocol/zookeeper/packets.ts'
import type { ReplyHeader } from '../../../protocol/zookeeper/records.ts'

const REPLY_BYTES_MAX = 64 * 1024 * 1024

/** What the head of a reply says. `err`: 0, or the code of an error. */
type Reply = Pick<ReplyHeader, 'zxid' | 'err'>

/**
 * Between a client and its network. A history needs the zxid that each reply named, which the client keeps to itself, so it is taken from the packet; and
 * a client is made here to change its member, or to be heard by nobody for a while, as if its cable were pulled.
 */
export class ReplyTap {
  /** By xid. */
  readonly #replies = new Map<number, Reply>()
  #present: { readonly link: Link; readonly events: LinkEvents } | null = null
  #silent = false

  over(platform: SessionPlatform): SessionPlatform {
    return {
      timers: platform.timers,
      random: () => platform.random(),
      onBug: platform.onBug,
      dial: (address, events) => {
        if (this.#silent) {
          platform.timers.after(1, () => events.onClose('nobody hears'))
          return { write: () => {}, destroy: () => {} }
        }
        const splitter = new FrameSplitter(REPLY_BYTES_MAX)
        let greeted = false
        const link = platform.dial(address, {
          onConnect: () => events.onConnect(),
          onClose: (reason) => events.onClose(reason),
          onData: (chunk) => {
            for (const packet of splitter.push(chunk)) {
              // The first one opens the session and has no header.
              if (greeted) this.#hear(packet)
              greeted = true
            }
            events.onData(chunk)
          },
        })
        this.#present = { link, events }
        return link
      },
    }
  }

  /** The zxid of the reply to this request, once. Null: there was none. */
  takeZxid(xid: number): number | null {
    return this.takeReply(xid)?.zxid ?? null
  }

  /** The reply to this request, once. Null: there was none. */
  takeReply(xid: number): Reply | null {
    const reply = this.#replies.get(xid) ?? null
    this.#replies.delete(xid)
    return reply
  }

  /** Breaks the connection: the client goes on at the next member. To be called by a timer of the client's process. */
  move(): void {
    const present = this.#present
    this.#present = null
    present?.link.destroy()
    present?.events.onClose('the client moves on')
  }

  /** From now on no member is reached. */
  silence(): void {
    this.#silent = true
    this.move()
  }

  speak(): void {
    this.#silent = false
  }

  #hear(packet: Uint8Array): void {
    const { header } = readReply(packet)
    if (header.xid > 0) this.#replies.set(header.xid, header)
  }
}
