import type { Credentials } from '../../../client/transport/node-scram.ts'
import type { ClosedReasons } from './closed-reasons.ts'
import type { DoorName } from './visit-maker.ts'

/** What is attacked: a cluster of real servers, in this process or in others. */
export interface Target {
  readonly cluster: string
  readonly servers: readonly string[]
  readonly coordinator: string
  /** With what its members and the witness come in; null: nobody is asked. */
  readonly credentials: Credentials | null
  /** Of a server, or of the coordinator's peer port. */
  port(door: DoorName, server: string): number
  /** For clients. */
  readonly addresses: readonly string[]
  readonly reasons: ClosedReasons
  /** Whether each closed connection has a line in a log. */
  readonly saysAll: boolean
  /** Looks for new lines of logs. @throws {FuzzError} a server has ended or found a bug. */
  look(): void
  /** Bytes that each process holds for itself: without files that it has mapped, and what it has given back. */
  memory(): Readonly<Record<string, number>>
  /** What there is of clients: connections, requests. */
  held(): Promise<Readonly<Record<string, number>>>
  close(): Promise<void>
}
