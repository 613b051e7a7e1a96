// Loads the protocol in Bare.
import { ShoalError } from '@shoal/protocol/error';
import { admissionError } from '@shoal/protocol/shoal';

if (typeof admissionError !== 'function') throw ShoalError.invalidRequest('An export is missing.');
