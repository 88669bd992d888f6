/** What somebody says to a server that asks for a proof, and who has none: nothing of it may be taken for more than a try. */
import { encodeFrame } from '../../../protocol/frame.ts'
import type { Rng } from '../../simulator/kernel/rng.ts'
import { changedOnce, randomBytes } from '../mutations.ts'
import type { BodyMaker } from './body-maker.ts'

const NONCES = ['abcdefghijkl', 'x'.repeat(7), 'y'.repeat(129), 'a,b', '', '%'.repeat(20)]
const NAMES = ['member', 'admin', 'default', '=2C', '=3D=', 'n=x', '', '__proto__', 'z'.repeat(700)]
const HEADERS = ['p=catenary-hellos,,', 'p=catenary-hellos,,', 'n,,', 'y,,', 'p=tls-unique,,', 'p=,a=x,', '']
const INTS = [0, -1, 0x3d3d3d3d, 0x2c2c2c2c, 0x723d723d]

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))

/** Frames behind a hello, and how many of them are spoilt. The first that is no part of a proof ends the connection. */
export function unprovenFrames(
  rng: Rng,
  bodies: BodyMaker,
): { readonly frames: readonly Uint8Array[]; readonly mutated: number } {
  const how = rng.fraction()
  const body = rng.pick([
    () => bodies.client(),
    () => bodies.changed(),
    () => bodies.chain(),
    () => bodies.bomb(),
  ])()
  if (how < 0.3) return { frames: [encodeFrame(body)], mutated: 1 }
  if (how < 0.4) return { frames: [encodeFrame(bodies.noise())], mutated: 1 }
  const first = ascii(`${rng.pick(HEADERS)}n=${rng.pick(NAMES)},r=${rng.pick(NONCES)}`)
  const begun = rng.chance(0.5) ? first : spoilt(rng, first)
  const final = ascii(`c=${base64(rng)},r=${rng.pick(NONCES)},p=${base64(rng)}`)
  const second = rng.pick([() => final, () => spoilt(rng, final), () => body, () => begun])()
  return { frames: [encodeFrame(begun), encodeFrame(second)], mutated: 2 }
}

const spoilt = (rng: Rng, text: Uint8Array): Uint8Array =>
  changedOnce(rng, text.slice(), { headerBytes: 1, numbers: INTS, other: text })

const base64 = (rng: Rng): string =>
  Buffer.from(randomBytes(rng, rng.pick([0, 1, 31, 32, 33, 200]))).toString('base64')
