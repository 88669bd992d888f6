import { type ComponentType, createContext } from 'preact'
import type { ProcessView } from '../../board/view.ts'
import { NodeMenu } from './node-menu.tsx'

export type NodeKind = 'server' | 'coordinator'

/** What a card leaves to whoever shows it: a run in this page, or processes elsewhere. */
export interface CardParts {
  /** The name, and perhaps what can be done to the process. */
  readonly Name: ComponentType<{ readonly node: ProcessView; readonly kind: NodeKind }>
  /** At the bottom: what is known beyond what is drawn. */
  readonly More: ComponentType<{ readonly name: string }> | null
}

export const CardPartsContext = createContext<CardParts>({ Name: NodeMenu, More: null })
