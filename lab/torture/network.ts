/**
 * A network of its own for every process: a namespace, joined to the others by a router in which packets can be made to vanish. As in a real partition nobody is
 * told: connections stay open, and what is sent is sent again until the way is free or the sender gives up. Needs root, `ip`, `nsenter`, and for slow links `tc`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import type { LocalPlace } from '../../runtime/processes/local-cluster.ts'
import { systemCommand } from './system-command.ts'

/** Reserved for tests of networks (RFC 2544): nobody's real addresses. */
const PREFIX = '198.18'
const NAMESPACES = '/run/netns'
const PROCESSES_MAX = 60
/** What is called so belongs to this program; the number is the process that made it. */
const NAME = /^catenary-(\d+)-/

const ip = (...args: string[]) => systemCommand('ip', args)

/** Undoes what it came from. More than once does no harm. */
export type Heal = () => Promise<void>

export class Network {
  readonly #id = process.pid
  readonly #subnet: number
  readonly #names: readonly string[]
  readonly #cleanUp = () => this.#remove()

  private constructor(names: readonly string[], subnet: number) {
    this.#names = names
    this.#subnet = subnet
  }

  /** @param names - of the processes. This process itself is `clients`. @throws where this machine does not allow it, with the reason. */
  static async open(names: readonly string[]): Promise<Network> {
    if (process.platform !== 'linux') throw new Error('network namespaces are Linux')
    if (process.getuid?.() !== 0) throw new Error('only root may make network namespaces')
    if (names.length > PROCESSES_MAX)
      throw new Error(`at most ${PROCESSES_MAX} processes have networks of their own`)
    removeAbandoned()
    const routes = await ip('route', 'show')
    const taken = new Set(routes.split('\n').map((line) => line.split('/')[0]))
    const subnet = Array.from({ length: 256 }, (_, i) => (process.pid + i) % 256).find(
      (number) => !taken.has(`${PREFIX}.${number}.0`),
    )
    if (subnet === undefined) throw new Error(`all networks below ${PREFIX}.0.0/16 are in use`)
    const network = new Network(names, subnet)
    process.on('exit', network.#cleanUp)
    try {
      await network.#build()
      await systemCommand('nsenter', ['--version'])
      return network
    } catch (error) {
      network.close()
      throw error
    }
  }

  get #hub(): string {
    return this.#namespace('router')
  }

  get #uplink(): string {
    return `catenary${this.#id}`
  }

  #namespace(name: string): string {
    return `catenary-${this.#id}-${name}`
  }

  /** Every process has four addresses: the second is its own, the first is the router's. The first four are of the clients. */
  #address(index: number, side: 'router' | 'own'): string {
    return `${PREFIX}.${this.#subnet}.${4 * (index + 1) + (side === 'router' ? 1 : 2)}`
  }

  #addressOf(name: string): string {
    return this.#address(name === 'clients' ? -1 : this.#names.indexOf(name), 'own')
  }

  async #build(): Promise<void> {
    const hub = this.#hub
    await ip('netns', 'add', hub)
    await ip('netns', 'exec', hub, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
    await ip('link', 'add', this.#uplink, 'type', 'veth', 'peer', 'name', 'clients', 'netns', hub)
    await ip('-n', hub, 'addr', 'add', `${this.#address(-1, 'router')}/30`, 'dev', 'clients')
    await ip('-n', hub, 'link', 'set', 'clients', 'up')
    await ip('addr', 'add', `${this.#address(-1, 'own')}/30`, 'dev', this.#uplink)
    await ip('link', 'set', this.#uplink, 'up')
    await ip('route', 'add', `${PREFIX}.${this.#subnet}.0/24`, 'via', this.#address(-1, 'router'))
    for (const [index, name] of this.#names.entries()) await this.#join(index, name)
  }

  async #join(index: number, name: string): Promise<void> {
    const hub = this.#hub
    const own = this.#namespace(name)
    const router = this.#address(index, 'router')
    await ip('netns', 'add', own)
    await ip('-n', hub, 'link', 'add', `v${index}`, 'type', 'veth', 'peer', 'name', 'net', 'netns', own)
    await ip('-n', hub, 'addr', 'add', `${router}/30`, 'dev', `v${index}`)
    await ip('-n', hub, 'link', 'set', `v${index}`, 'up')
    await ip('-n', own, 'addr', 'add', `${this.#address(index, 'own')}/30`, 'dev', 'net')
    await ip('-n', own, 'link', 'set', 'net', 'up')
    await ip('-n', own, 'link', 'set', 'lo', 'up')
    await ip('-n', own, 'route', 'add', 'default', 'via', router)
  }

  /** By `nsenter`, not `ip netns exec`: that gives the program its own view of what is mounted, too, and so would hold on to every disk. */
  place(name: string): LocalPlace {
    const launcher = ['nsenter', `--net=${NAMESPACES}/${this.#namespace(name)}`]
    return { host: this.#addressOf(name), launcher }
  }

  /** From now on packets from one to the other vanish in the router; the other direction stays open. */
  async cut(from: string, to: string): Promise<Heal> {
    const rule = ['from', `${this.#addressOf(from)}/32`, 'to', `${this.#addressOf(to)}/32`, 'blackhole']
    await ip('-n', this.#hub, 'rule', 'add', ...rule)
    return once(() => ip('-n', this.#hub, 'rule', 'del', ...rule))
  }

  /** What is sent to a process takes long: by a delay where the kernel has one (netem), otherwise by little bandwidth (tbf). */
  async slow(name: string): Promise<Heal> {
    const device = ['-n', this.#hub, 'qdisc', 'add', 'dev', `v${this.#names.indexOf(name)}`, 'root']
    try {
      await systemCommand('tc', [...device, 'netem', 'delay', '100ms', '80ms', 'loss', '1%'])
    } catch {
      await systemCommand('tc', [...device, 'tbf', 'rate', '128kbit', 'burst', '4kb', 'latency', '800ms'])
    }
    return once(() =>
      systemCommand('tc', ['-n', this.#hub, 'qdisc', 'del', 'dev', `v${this.#names.indexOf(name)}`, 'root']),
    )
  }

  /** Removes all of it. Processes that still run in it lose their network. */
  close(): void {
    process.off('exit', this.#cleanUp)
    this.#remove()
  }

  /** Not a promise: it also runs when the process ends. */
  #remove(): void {
    spawnSync('ip', ['link', 'del', this.#uplink])
    for (const name of [...this.#names, 'router']) spawnSync('ip', ['netns', 'del', this.#namespace(name)])
  }
}

function once(act: () => Promise<unknown>): Heal {
  let acting: Promise<unknown> | null = null
  return async () => {
    acting ??= act()
    await acting
  }
}

/** What a process that was killed has left behind. */
function removeAbandoned(): void {
  if (!existsSync(NAMESPACES)) return
  for (const name of readdirSync(NAMESPACES)) {
    const owner = NAME.exec(name)?.[1]
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) spawnSync('ip', ['netns', 'del', name])
  }
}
