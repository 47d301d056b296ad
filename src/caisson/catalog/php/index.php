<?php

/**
 * A service in PHP: GET /healthz answers `ok`; POST /seal answers the HMAC-SHA256 of the body, in hex, under $SERVICE_KEY.
 */

declare(strict_types=1);

const MOST_BODY = 64 * 1024;

function answer(int $status, string $text): void
{
    http_response_code($status);
    header('Content-Type: text/plain');
    echo $text, "\n";
}

function seal(): void
{
    if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
        answer(405, 'only POST is taken');
        return;
    }
    $body = file_get_contents('php://input', length: MOST_BODY + 1);
    if (strlen($body) > MOST_BODY) {
        answer(413, 'at most 65536 bytes are taken');
        return;
    }
    answer(200, hash_hmac('sha256', $body, getenv('SERVICE_KEY')));
}

match ($_SERVER['DOCUMENT_URI']) {
    '/healthz' => answer(200, 'ok'),
    '/seal' => seal(),
    default => answer(404, 'not found'),
};
