/** The users of the cluster, as this door sees them. */
import type { Guard } from '../../security/guard.ts'
import { type Access, OPEN_ACCESS } from './access.ts'

export function accessOf({ users, logins }: Pick<Guard, 'users' | 'logins'>): Access {
  if (users === null || logins === null) return OPEN_ACCESS
  return {
    initial: null,
    login: (name, password, remote) => logins.check({ name, password, remote, door: 'redis' }),
    users: () => users.list(),
    onChange: (listener) => void users.onChange(listener),
  }
}
