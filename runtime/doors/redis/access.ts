/** Who may do what at this door. Until users are configured everybody is `default`, and may do everything. */
import type { Key } from '../../../protocol/ids.ts'
import type { Command } from './command.ts'

export interface Principal {
  readonly name: string
}

export interface Access {
  /** Who a connection is before it says so; null: it must log in first. */
  readonly initial: Principal | null
  /** Null: not with these credentials. May take its time. */
  login(user: string, password: string): Promise<Principal | null>
  may(principal: Principal, command: Command, keys: readonly Key[]): boolean
}

export const DEFAULT_USER = 'default'
const DEFAULT: Principal = { name: DEFAULT_USER }

export const OPEN_ACCESS: Access = {
  initial: DEFAULT,
  login: (user) => Promise.resolve(user === DEFAULT_USER ? DEFAULT : null),
  may: () => true,
}
