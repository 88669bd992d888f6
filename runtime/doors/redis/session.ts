/** What commands may know and change of the connection that they came by, and of the door behind it. */
import type { Principal } from '../../../protocol/access.ts'
import type { ReadCommand, ReadResult, WriteCommand, WriteResult } from '../../../protocol/commands.ts'
import type { ChainId, Key } from '../../../protocol/ids.ts'
import type { Access } from './access.ts'
import type { Channels } from './channels.ts'
import type { Command } from './command.ts'
import type { Cursors } from './cursors.ts'
import type { MultiState } from './multi-state.ts'
import type { ReplyWriter } from './reply-writer.ts'
import type { Settings } from './settings.ts'
import type { Statistics } from './statistics.ts'
import type { RedisStore } from './store.ts'
import type { Route, Topology } from './topology.ts'

export interface Session {
  readonly id: number
  readonly remote: string
  readonly local: string
  readonly openedMs: number
  name: string
  library: string
  libraryVersion: string
  /** RESP version. */
  protocol: 2 | 3
  /** Whether it has said READONLY. */
  readOnly: boolean
  principal: Principal | null
  readonly lastCommand: string
  readonly lastActiveMs: number
  /** Commands that wait for EXEC; -1 outside of a transaction. */
  readonly queuedCount: number
  readonly watchedCount: number
  readonly inputBytes: number
  readonly outputBytes: number
  readonly multi: MultiState
  readonly subscriptions: Subscriptions
  readonly door: DoorServices
  /** Back to how it began. */
  reset(): void
  /** Ends once everything has been said. */
  end(): void
  /** Ends now. */
  kill(): void
  /** Says something that nobody asked for. */
  say(write: (reply: ReplyWriter) => void): void
}

export interface Subscriptions {
  readonly channels: Set<string>
  readonly patterns: Set<string>
  readonly shardChannels: Set<string>
}

export interface DoorServices {
  readonly store: RedisStore
  readonly topology: Topology
  readonly access: Access
  readonly statistics: Statistics
  readonly settings: Settings
  readonly version: string
  /** Answers what belongs elsewhere by asking there. */
  readonly proxies: boolean
  readonly port: number
  readonly sessions: Iterable<Session>
  readonly sessionCount: number
  readonly cursors: Cursors
  readonly channels: Channels
  wallMs(): number
  /** Where these keys are served. @throws {ReplyError} elsewhere, or nowhere. */
  routeFor(session: { readonly readOnly: boolean }, command: Command, keys: readonly Key[]): Route
  /** @throws {ReplyError} in the words that a client is told. */
  read(chain: ChainId, command: ReadCommand): Promise<ReadResult>
  /** @throws {ReplyError} */
  write(chain: ChainId, command: WriteCommand): Promise<WriteResult>
}

export const isSubscribed = ({ subscriptions }: Pick<Session, 'subscriptions'>): boolean =>
  subscriptions.channels.size + subscriptions.patterns.size + subscriptions.shardChannels.size > 0
