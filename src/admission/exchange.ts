import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reservation } from './budget.ts';

/** A request and its response, which may be under way or over. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The address at the other end. */
export const hostOf = ({ socket }: IncomingMessage): string => socket.remoteAddress ?? '';

/**
 * A reservation that does not outlive its exchange: `onEnd` is to release it. A response closes however its connection ends, and after an
 * answer of ours, such as the 408, when its request neither ends nor fails.
 */
export const whileOpen = (
  { response }: Pick<Exchange, 'response'>,
  reservation: Reservation,
  onEnd: () => void,
): Reservation => {
  response.once('close', onEnd);
  return {
    take: (bytes) => !response.closed && reservation.take(bytes),
    release: () => {
      response.off('close', onEnd);
      reservation.release();
    },
  };
};
