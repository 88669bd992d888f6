/** Names and numbers of Raft. Branded, so that a term cannot be passed as an index. */

declare const brand: unique symbol
type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }

/** One coordinator, for example `coordinator-1`. Stable across restarts. */
export type MemberId = Brand<string, 'MemberId'>
/** Raft's term: at most one leader each. Never an epoch of a chain. */
export type Term = Brand<number, 'Term'>
/** Position in the replicated log, consecutive from 1. 0 means "before the first". */
export type LogIndex = Brand<number, 'LogIndex'>
/** Number of a `persist`: consecutive from 1 within a process life. 0 means "nothing to wait for". */
export type WriteId = Brand<number, 'WriteId'>
/** Correlates a proposal with its answer. Never leaves the process. */
export type ProposalId = Brand<number, 'ProposalId'>
/** Correlates a linearizable read with its answer. Never leaves the process. */
export type ReadId = Brand<number, 'ReadId'>

export const asMemberId = (id: string) => id as MemberId
export const asTerm = (n: number) => n as Term
export const asLogIndex = (n: number) => n as LogIndex
export const asWriteId = (n: number) => n as WriteId
export const asProposalId = (n: number) => n as ProposalId
export const asReadId = (n: number) => n as ReadId

export const NO_TERM = asTerm(0)
export const NO_INDEX = asLogIndex(0)
export const NO_WRITE = asWriteId(0)
