<?php

/**
 * WordPress's settings. Nothing here is secret: what is, the key server sent, and start.sh put it into PHP's own memory.
 */

$secrets = json_decode(file_get_contents('/tmp/wordpress.json'), associative: true, flags: JSON_THROW_ON_ERROR);

// The database beside this container. Its certificate must have this name, which only that workload's certificate has.
define('DB_HOST', 'wordpress-mariadb');
define('DB_NAME', 'wordpress');
define('DB_USER', 'wordpress');
define('DB_PASSWORD', base64_decode($secrets['database_password']));
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
$table_prefix = 'wp_';

// Eight keys out of one secret.
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $use) {
    foreach (['KEY', 'SALT'] as $part) {
        define("{$use}_{$part}", bin2hex(hash_hkdf('sha256', base64_decode($secrets['salt']), 32, "wordpress {$use} {$part}")));
    }
}
unset($secrets, $use, $part);

// The program is measured: it changes by building another image, and in no other way.
define('DISALLOW_FILE_EDIT', true);
define('DISALLOW_FILE_MODS', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_AUTO_UPDATE_CORE', false);

// One PHP process: a request to itself would wait for itself. Other sites need not know about this one.
define('DISABLE_WP_CRON', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);

// Debian's installer wants to be told where uploads are: where they are anyway.
$upload_path = $upload_url_path = '';

define('FORCE_SSL_ADMIN', true);
define('WP_DEBUG', false);

if (!defined('ABSPATH')) {
    define('ABSPATH', '/srv/wordpress/');
}
require_once ABSPATH . 'wp-settings.php';
