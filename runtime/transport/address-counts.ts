import type { Socket } from 'node:net'

/** How many connections each address has, so that one alone cannot take all that a door has to give. */
export class AddressCounts {
  readonly #max: number
  readonly #counts = new Map<string, number>()

  /** @param max - for one address; of IPv6, for one network of 64 bits, which is what one customer gets. */
  constructor(max: number) {
    this.#max = max
  }

  /** Counts it until it closes. False: its address has enough of them. */
  admits(socket: Socket): boolean {
    const network = networkOf(socket.remoteAddress ?? '')
    const count = (this.#counts.get(network) ?? 0) + 1
    if (count > this.#max) return false
    this.#counts.set(network, count)
    socket.once('close', () => this.#left(network))
    return true
  }

  #left(network: string): void {
    const count = (this.#counts.get(network) ?? 0) - 1
    if (count > 0) this.#counts.set(network, count)
    else this.#counts.delete(network)
  }
}

/** What one customer gets: an address, of IPv6 a network of 64 bits. */
export function networkOf(address: string): string {
  if (address.startsWith('::ffff:')) return address.slice('::ffff:'.length)
  if (!address.includes(':')) return address
  const [front = '', back = ''] = address.split('::')
  const [first, last] = [front, back].map((part) => part.split(':').filter((group) => group !== ''))
  const [head, tail] = [first ?? [], last ?? []]
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0')
  return [...head, ...zeros, ...tail].slice(0, 4).join(':')
}
