/** Internet addresses in ACLs: `10.1.2.3`, `10.1.0.0/16`, `fe80::1`, `fd00::/8`. */

interface Network {
  /** 4 or 16. */
  readonly bytes: readonly number[]
  /** How many bits of an address must agree. */
  readonly bits: number
}

/** `null`: neither an address nor `address/bits`. */
export function networkOf(text: string): Network | null {
  const [address = '', bitsText, ...more] = text.split('/')
  const bytes = address.includes(':') ? ipv6Bytes(address) : ipv4Bytes(address)
  if (bytes === null || more.length > 0) return null
  const bitsMax = bytes.length * 8
  if (bitsText === undefined) return { bytes, bits: bitsMax }
  const bits = /^\d{1,3}$/.test(bitsText) ? Number(bitsText) : -1
  return bits >= 0 && bits <= bitsMax ? { bytes, bits } : null
}

/** Whether `address` belongs to `network`, both as text. False where one of them is malformed. */
export function isInNetwork(address: string, network: string): boolean {
  if (address === network) return true
  const wanted = networkOf(network)
  const own = networkOf(address)
  if (wanted === null || own === null || own.bytes.length !== wanted.bytes.length) return false
  return wanted.bytes.every((byte, i) => {
    const bits = Math.min(8, Math.max(0, wanted.bits - i * 8))
    const mask = (0xff00 >> bits) & 0xff
    return (byte & mask) === ((own.bytes[i] ?? 0) & mask)
  })
}

function ipv4Bytes(text: string): number[] | null {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return null
  return parts.map(Number)
}

function ipv6Bytes(text: string): number[] | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const [head, tail] = halves.map(groupsOf)
  if (head === undefined || head === null || tail === null) return null
  const given = [...head, ...(tail ?? [])]
  if (tail === undefined) return given.length === 16 ? given : null
  if (given.length > 14) return null // `::` stands for at least one group
  return [...head, ...Array<number>(16 - given.length).fill(0), ...tail]
}

/** The bytes of groups between colons. The last one may be an IPv4 address. */
function groupsOf(text: string): number[] | null {
  const bytes: number[] = []
  if (text === '') return bytes
  const groups = text.split(':')
  for (const [i, group] of groups.entries()) {
    const ipv4 = i === groups.length - 1 ? ipv4Bytes(group) : null
    if (ipv4 !== null) bytes.push(...ipv4)
    else if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16)
      bytes.push(value >> 8, value & 0xff)
    } else return null
  }
  return bytes
}
