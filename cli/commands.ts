/** All commands, in the order of `catenary --help`. */
import type { CommandModule } from 'yargs'

const LOADERS = {
  demo: async () => (await import('./commands/demo.ts')).demoCommand,
  coordinator: async () => (await import('./commands/coordinator.ts')).coordinatorCommand,
  server: async () => (await import('./commands/server.ts')).serverCommand,
  manager: async () => (await import('./commands/manager.ts')).managerCommand,
  status: async () => (await import('./commands/status.ts')).statusCommand,
  get: async () => (await import('./commands/get.ts')).getCommand,
  put: async () => (await import('./commands/put.ts')).putCommand,
  delete: async () => (await import('./commands/delete.ts')).deleteCommand,
  incr: async () => (await import('./commands/incr.ts')).incrCommand,
  cas: async () => (await import('./commands/cas.ts')).casCommand,
  scan: async () => (await import('./commands/scan.ts')).scanCommand,
  watch: async () => (await import('./commands/watch.ts')).watchCommand,
  import: async () => (await import('./commands/import.ts')).importCommand,
  export: async () => (await import('./commands/export.ts')).exportCommand,
  backup: async () => (await import('./commands/backup.ts')).backupCommand,
  restore: async () => (await import('./commands/restore.ts')).restoreCommand,
  'nats-gateway': async () => (await import('./commands/nats-gateway.ts')).natsGatewayCommand,
  chain: async () => (await import('./commands/chain.ts')).chainCommand,
  znode: async () => (await import('./commands/znode.ts')).znodeCommand,
  user: async () => (await import('./commands/user.ts')).userCommand,
  secret: async () => (await import('./commands/secret.ts')).secretCommand,
  lab: async () => (await import('./commands/lab.ts')).labCommand,
  sim: async () => (await import('./commands/sim.ts')).simCommand,
  explore: async () => (await import('./commands/explore.ts')).exploreCommand,
  torture: async () => (await import('./commands/torture.ts')).tortureCommand,
  compare: async () => (await import('./commands/compare.ts')).compareCommand,
  check: async () => (await import('./commands/check.ts')).checkCommand,
} satisfies Readonly<Record<string, () => Promise<unknown>>>

const ALIASES: Readonly<Record<string, keyof typeof LOADERS>> = { del: 'delete' }

const isCommand = (word: string): word is keyof typeof LOADERS => Object.hasOwn(LOADERS, word)

/**
 * The command that `first`, the first word of a command line, names; all of them where it names none. So a process does not keep in memory what other commands
 * are made of: a coordinator no simulator, a data server no tables.
 */
export async function commandsFor(first: string): Promise<CommandModule[]> {
  const name = ALIASES[first] ?? first
  const loaders = isCommand(name) ? [LOADERS[name]] : Object.values(LOADERS)
  return (await Promise.all(loaders.map((load) => load()))) as CommandModule[]
}
