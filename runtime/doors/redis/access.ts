/** Who comes in at this door. Without users everybody is `default`, and may do everything. */
import type { Socket } from 'node:net'
import { ANYBODY, type Principal } from '../../../protocol/access.ts'

/** `busy`: it was not checked. */
export type LoginResult = Principal | 'refused' | 'busy'

export interface Access {
  /** Who a connection is before it says so; null: it must log in first. */
  readonly initial: Principal | null
  /** Who this one is by other means than `initial`, such as a certificate; null: he must log in first. Absent: there are none. */
  identify?(socket: Socket): Principal | null
  /** May take its time, a refusal above all. */
  login(user: string, password: string, remote: string): Promise<LoginResult>
  /** By name. */
  users(): readonly Principal[]
  /** Calls back after somebody's grants have changed, and after he has lost his access: `gone`. */
  onChange(listener: (principal: Principal, change: 'grants' | 'gone') => void): void
}

/** Whom AUTH means where it names nobody. */
export const DEFAULT_USER = ANYBODY.name

export const OPEN_ACCESS: Access = {
  initial: ANYBODY,
  login: (user) => Promise.resolve(user === DEFAULT_USER ? ANYBODY : 'refused'),
  users: () => [ANYBODY],
  onChange: () => {},
}
