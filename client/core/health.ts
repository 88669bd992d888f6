import type { Millis } from '../../protocol/ids.ts'

interface Peer {
  /** Smoothed over about eight answers; 0 before the first, so that a replica that was never asked is asked soon. */
  latencyMs: number
  suspectUntilMs: number
}

/** What the client has noticed of each peer: how fast it answers, and whether it did lately. */
export class Health {
  readonly #suspectMs: number
  readonly #peers = new Map<string, Peer>()
  #nowMs: Millis | 0 = 0

  constructor(suspectMs: number) {
    this.#suspectMs = suspectMs
  }

  setNow(nowMs: Millis): void {
    this.#nowMs = nowMs
  }

  latencyMs(peer: string): number {
    return this.#peers.get(peer)?.latencyMs ?? 0
  }

  isSuspect(peer: string): boolean {
    return (this.#peers.get(peer)?.suspectUntilMs ?? 0) > this.#nowMs
  }

  /** It broke its connection or left a try unanswered: others are asked first for a while. */
  suspect(peer: string): void {
    this.#peer(peer).suspectUntilMs = this.#nowMs + this.#suspectMs
  }

  /** It answered a read, `latencyMs` after it was sent. */
  answered(name: string, latencyMs: number): void {
    const peer = this.#peer(name)
    peer.suspectUntilMs = 0
    peer.latencyMs = peer.latencyMs === 0 ? latencyMs : peer.latencyMs + (latencyMs - peer.latencyMs) / 8
  }

  /** It is there, whatever it said. */
  heard(peer: string): void {
    const found = this.#peers.get(peer)
    if (found !== undefined) found.suspectUntilMs = 0
  }

  forget(peer: string): void {
    this.#peers.delete(peer)
  }

  #peer(name: string): Peer {
    let peer = this.#peers.get(name)
    if (peer === undefined) {
      peer = { latencyMs: 0, suspectUntilMs: 0 }
      this.#peers.set(name, peer)
    }
    return peer
  }
}
