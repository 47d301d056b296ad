<?php

/**
 * Runs before each script that PHP is asked for, and ends the request unless the script is WordPress's.
 *
 * NGINX asks for no other. Among what PHP can read are its secrets and what authors upload: neither is a script.
 */

(static function (): void {
    $script = realpath($_SERVER['SCRIPT_FILENAME']);
    $own = $script === '/etc/caisson/healthz.php' || preg_match('~^/srv/wordpress/(?!wp-content/uploads/).*\.php$~D', $script);
    if (!$own) {
        http_response_code(404);
        exit;
    }
})();
