import { once } from 'node:events';
import { connect } from 'node:tls';
import type { ServeProcess } from '../../dev/serve-process.ts';

/** The serial number of the certificate a replica serves with. */
export const servedSerial = async ({ webhookUrl }: Pick<ServeProcess, 'webhookUrl'>): Promise<string> => {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(webhookUrl).port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
};
