/** The users of the cluster, as this door sees them. */
import type { Guard } from '../../security/guard.ts'
import { type Access, OPEN_ACCESS } from './access.ts'

export function accessOf({ users, logins, certificates }: Omit<Guard, 'tree'>): Access {
  if (users === null) return OPEN_ACCESS
  return {
    initial: null,
    ...(certificates !== null && {
      identify: (socket) => {
        const who = certificates.principalOf(socket)
        return typeof who === 'string' ? null : who
      },
    }),
    login: async (name, password, remote) =>
      logins === null ? 'refused' : logins.check({ name, password, remote, door: 'redis' }),
    users: () => users.list(),
    onChange: (listener) => void users.onChange(listener),
  }
}
