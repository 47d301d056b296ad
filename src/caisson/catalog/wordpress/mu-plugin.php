<?php

/**
 * What WordPress has no setting for: it asks nobody, itself included, and sends its visitors to nobody.
 */

defined('ABSPATH') || exit;

// There is one PHP process: a request to this very site would wait for itself.
add_filter('block_local_requests', '__return_true');

// Pictures of authors and emoji would come from other sites, which would learn who reads here.
add_filter('pre_option_show_avatars', fn () => '0');
add_filter('emoji_svg_url', '__return_false');
remove_action('wp_head', 'print_emoji_detection_script', 7);
remove_action('admin_print_scripts', 'print_emoji_detection_script');

// There is no program that would send mail: said at once, it does not look like a fault of the recipient's.
add_filter('pre_wp_mail', '__return_false');
